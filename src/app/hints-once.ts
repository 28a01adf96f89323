/**
 * Some hints end in a promise: "shrinkbox then continues by itself". Only the daemon keeps it; a command that does its work
 * once says in its place what to do and to run it again. By code, so that the daemon's own jobs keep their words.
 */
import { ShrinkError } from '../core/errors.ts';
import type { Message, Sentence } from '../core/message.ts';
import type { EN } from '../messages/en/index.ts';
import { say } from '../messages/say.ts';

const FULL = say('app.once-full-hint');
const AWAY = say('app.once-away-hint');
const NO_FOLDER = say('app.once-folder-hint');

/** Every hint with such a promise, and what is said instead. */
export const HINTS_ONCE: Partial<Record<keyof typeof EN, Sentence>> = {
  'files.hint-no-space': FULL,
  'files.not-enough-space-hint': FULL,
  'deliver.full-hint': FULL,
  'child.disk-full-hint': FULL,
  'files.hint-unavailable': AWAY,
  'files.mount-silent-hint': AWAY,
  'app.not-mounted-hint': AWAY,
  'app.not-mounted-fstab-hint': AWAY,
  'app.not-mounted-empty-hint': AWAY,
  'app.not-on-disk-hint': AWAY,
  'app.another-disk-hint': AWAY,
  'http.unreachable-hint': say('app.once-network-hint'),
  'http.untrusted-hint': say('app.once-certificate-hint'),
  'files.not-a-folder-hint': NO_FOLDER,
  'files.missing-folder-hint': NO_FOLDER,
};

/** What is said in the place of this hint; `undefined`: it promises nothing and stays. */
export function hintOnce(hint: Message | undefined): Sentence | undefined {
  return hint && (HINTS_ONCE as Readonly<Record<string, Sentence>>)[hint.code];
}

/** The same error with a hint that is true where nothing goes on by itself. */
export function withoutPromise(error: ShrinkError): ShrinkError {
  const hint = hintOnce(error.messages.hint);
  if (!hint) return error;
  const { code, message, messages, doing, subject, action, cause, retryAfterMs } = error;
  const said = messages.text ? { ...messages.text, text: message } : message;
  return new ShrinkError(code, said, { doing, subject, hint, action, cause, retryAfterMs });
}
