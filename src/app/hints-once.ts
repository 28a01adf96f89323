/**
 * Some hints end in a promise, "shrinkbox then continues by itself", or in a command for the daemon. A command that does its work
 * once has no daemon: it says what to do, and to run it again. By code, so that the daemon's own jobs keep their words.
 */
import { ShrinkError } from '../core/errors.ts';
import type { Message, Sentence } from '../core/message.ts';
import type { EN } from '../messages/en/index.ts';
import { say } from '../messages/say.ts';

const FULL = say('app.once-full-hint');
const AWAY = say('app.once-away-hint');
const NO_FOLDER = say('app.once-folder-hint');

/** Where an account can be changed. */
interface AccountParams {
  url: string;
}

/** Every hint with such a promise, and what is said instead. */
export const HINTS_ONCE: Partial<Record<keyof typeof EN, Sentence | ((params: AccountParams) => Sentence)>> = {
  'files.hint-no-space': FULL,
  'files.not-enough-space-hint': FULL,
  'deliver.full-hint': FULL,
  'deliver.outbox-denied-hint': say('files.hint-denied'),
  'deliver.outbox-read-only-hint': say('files.hint-read-only'),
  'files.no-more-files-hint': FULL,
  'child.disk-full-hint': FULL,
  'files.hint-quota': FULL,
  'files.hint-leased': say('app.once-busy-hint'),
  'files.hint-being-run': say('app.once-busy-hint'),
  'files.hint-stale': AWAY,
  'files.hint-unavailable': AWAY,
  'files.mount-silent-hint': AWAY,
  'app.not-mounted-hint': AWAY,
  'app.not-mounted-fstab-hint': AWAY,
  'app.not-mounted-empty-hint': AWAY,
  'app.not-on-disk-hint': AWAY,
  'app.another-disk-hint': AWAY,
  'app.covered-hint': AWAY,
  'http.unreachable-hint': say('app.once-network-hint'),
  'http.untrusted-hint': say('app.once-certificate-hint'),
  'files.not-a-folder-hint': NO_FOLDER,
  'files.missing-folder-hint': NO_FOLDER,
  'nemo.top-up-hint': params => say('app.once-top-up-hint', params),
  'nemo.register-hint': params => say('app.once-register-hint', params),
  'nemo.plan-blocked-hint': params => say('app.once-plan-hint', params),
};

/** What is said in the place of this hint; `undefined`: it promises nothing and stays. */
export function hintOnce(hint: Message | undefined): Sentence | undefined {
  const instead = hint && Object.hasOwn(HINTS_ONCE, hint.code) ? HINTS_ONCE[hint.code as keyof typeof EN] : undefined;
  return typeof instead === 'function' ? instead(hint?.params as unknown as AccountParams) : instead;
}

/**
 * The same error with a hint that is true where nothing goes on by itself.
 * @param again what is to be done again, where that is no command
 */
export function withoutPromise(error: ShrinkError, again?: Sentence): ShrinkError {
  const hint = hintOnce(error.messages.hint) && (again ?? hintOnce(error.messages.hint));
  if (!hint) return error;
  const { code, message, messages, doing, subject, action, cause, retryAfterMs } = error;
  const said = messages.text ? { ...messages.text, text: message } : message;
  return new ShrinkError(code, said, { doing, subject, hint, action, cause, retryAfterMs });
}
