import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

/** A value that shows itself only to who asks by name; logs, errors, JSON and templates get `[secret]`. */
export interface Secret {
  reveal(): string;
  toString(): string;
}

export function secret(value: string): Secret {
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
