/**
 * Room: the words of every sentence that reaches a job, a status or the page, in each language, by code. Whoever has something to say
 * calls `say` with a code and parameters; only the page words it in another language. Comes in: core (units, steps).
 */
import type { MessageParam, Sentence } from '../core/message.ts';
import { type ParamsOf, word } from './catalogue.ts';
import { EN } from './en/index.ts';

export type MessageCode = keyof typeof EN;

const RULES = { separator: '; ' };

/** A sentence by its code, worded in English. Parameters are those the English words name. */
export function say<C extends MessageCode>(code: C, ...given: ParamsOf<(typeof EN)[C]>): Sentence {
  const params = given[0] as Readonly<Record<string, MessageParam>> | undefined;
  const text = word(EN, RULES, code, params) ?? code;
  return params === undefined ? { code, text } : { code, params, text };
}
