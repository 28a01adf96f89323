/** The types that keep the languages alike: a code without words in one of them does not compile. */
import type { MessageParam, Sentence } from '../core/message.ts';

/** Words of one code: a text, or a function of its parameters (sentences among them arrive worded already). */
// oxlint-disable-next-line typescript/no-explicit-any
export type Wording = string | ((params: any) => string);

/** The same codes with the same parameters, worded in another language. */
export type Translation<E extends Readonly<Record<string, Wording>>> = {
  readonly [C in keyof E]: E[C] extends (params: infer P) => string ? (params: P) => string : string;
};

/** Parameters a caller gives: where the words want a text, a sentence or a list of them does as well. */
export type CallerParams<P> = { [K in keyof P]: string extends P[K] ? P[K] | Sentence | readonly Sentence[] : P[K] };

export type ParamsOf<W extends Wording> = W extends (params: infer P) => string ? [params: CallerParams<P>] : [];

/** Joins several sentences within one: `; ` in English. */
export interface LanguageRules {
  separator: string;
}

/**
 * The words of `code` in one language; nested sentences are worded first. A code the catalogue lacks (a journal of a newer version)
 * gives `undefined`.
 */
export function word(
  catalogue: Readonly<Record<string, Wording>>,
  rules: LanguageRules,
  code: string,
  params: Readonly<Record<string, MessageParam>> = {},
): string | undefined {
  const wording = Object.hasOwn(catalogue, code) ? catalogue[code] : undefined;
  if (wording === undefined || typeof wording === 'string') return wording;
  const worded = Object.fromEntries(
    Object.entries(params).flatMap(([name, value]) =>
      // JSON drops what is undefined; words may leave out what is absent.
      value === undefined ? [] : [[name, wordParam(catalogue, rules, value)]],
    ),
  );
  return wording(worded);
}

function wordParam(
  catalogue: Readonly<Record<string, Wording>>,
  rules: LanguageRules,
  value: MessageParam,
): string | number {
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (!('code' in value)) return value.map(each => wordParam(catalogue, rules, each)).join(rules.separator);
  return word(catalogue, rules, value.code, value.params) ?? value.text;
}
