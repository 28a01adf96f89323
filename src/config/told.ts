/** What `check` says, by codes. zod passes plain strings on; which sentence one was is found by its text afterwards. */
import type { Sentence } from '../core/message.ts';
import { verbatim } from '../core/message.ts';
import type { ParamsOf } from '../messages/catalogue.ts';
import type { EN } from '../messages/en/index.ts';
import { type MessageCode, say } from '../messages/say.ts';
import { show } from './redact.ts';

/** Far more than one file can have wrong. */
const MOST = 5_000;

const told = new Map<string, Sentence>();

/** The English text of a sentence, which `saidBy` knows again. */
export function tell<C extends MessageCode>(code: C, ...given: ParamsOf<(typeof EN)[C]>): string {
  const said = say(code, ...given);
  if (told.size >= MOST) told.clear();
  told.set(said.text, said);
  return said.text;
}

/** The sentence that was told with these words; words of others stay as they are. */
export function saidBy(text: string): Sentence {
  return told.get(text) ?? verbatim(text);
}

/** A value of the file, as a message may show it. */
export function shown(value: unknown): Sentence {
  if (value === null || value === undefined) return say('config.nothing');
  if (Array.isArray(value)) return say('config.a-list');
  return typeof value === 'object' ? say('config.a-map') : verbatim(show(value));
}

/** `50MB, 10MiB or 25%`. */
export function either(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : tell('config.or', { others: words.slice(0, -1).join(', '), last });
}
