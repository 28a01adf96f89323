import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

/** A value that shows itself only to who asks by name; logs, errors, JSON and templates get `[secret]`. */
export interface Secret {
  reveal(): string;
  toString(): string;
}

/** Every secret this process was given: a person's own token may have any shape, so it is known by its value alone. */
const known = new Set<string>();
/** Shorter ones could be any word. */
const MIN_LENGTH = 8;

/** The text without any secret of ours in it, for words that come from outside and may repeat one. */
export function withoutSecrets(text: string): string {
  let out = text;
  for (const value of known) out = out.replaceAll(value, '[secret]');
  return out;
}

export function secret(value: string): Secret {
  if (value.length >= MIN_LENGTH) known.add(value);
  return {
    reveal: () => value,
    toString: () => '[secret]',
    toJSON: () => '[secret]',
    [inspect.custom]: () => '[secret]',
  } as Secret;
}

/** Recognises the same token later without keeping it: 48 bits of its hash. */
export function printOf(value: Secret): string {
  return createHash('sha256').update(value.reveal()).digest('hex').slice(0, 12);
}
