import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';
import type { Mark } from '../checkpoints.ts';
import type { Recovery } from '../context.ts';
import type { Snapshot } from '../session/state.ts';

export interface ConfirmRequest {
  /** The state before the message was sent. */
  before: Mark;
  /** Why it is not known, for the final reason. */
  why: Sentence;
  recovery: Recovery;
  read(): Promise<Snapshot>;
  clock: Clock;
  signal: AbortSignal;
  onCheck(note: Sentence): void;
}

/** After this many failed readings in a row, the job waits in the queue instead of here. */
const MAX_FAILED_READS = 5;
/** Once something changed: how long further changes are followed before the last reading counts. */
const MAX_CHANGING_READS = 15;

/**
 * Finds out the outcome of a message by reading the session, never by sending again. Resolves with the state once it has changed and
 * then stayed the same for one more reading (an edit may come in two stages). A failed reading proves nothing.
 * @throws ShrinkError `unconfirmed` if nothing changed over all checks; `unreachable` and the like if the session cannot be read.
 */
export async function confirm(request: ConfirmRequest): Promise<Snapshot> {
  const { before, why, recovery, clock, signal, onCheck } = request;
  let unchanged = 0;
  let failed = 0;
  let changing = 0;
  let last: Snapshot | undefined;
  for (let n = 0; ; n += 1) {
    await sleep(clock, n === 0 ? recovery.first : recovery.every, signal);
    let now: Snapshot;
    try {
      now = await request.read();
      failed = 0;
    } catch (error) {
      failed += 1;
      if (failed >= MAX_FAILED_READS || !isShrinkError(error, 'unreachable', 'rate-limited', 'bad-answer')) throw error;
      continue;
    }
    if (now.hash === before.hash) {
      unchanged += 1;
      last = undefined;
      onCheck(say('nemo.nothing-changed-yet', { check: unchanged, checks: recovery.checks }));
      if (unchanged >= recovery.checks) throw unconfirmed(recovery, why);
      continue;
    }
    changing += 1;
    if (last?.hash === now.hash || changing >= MAX_CHANGING_READS) return now;
    last = now;
    onCheck(say('nemo.still-changing'));
  }
}

/** How long all checks take where each of them is answered and shows no change, milliseconds. */
export function recoveryMs({ first, every, checks }: Recovery): number {
  return first + (checks - 1) * every;
}

function unconfirmed(recovery: Recovery, why: Sentence): ShrinkError {
  const ms = recoveryMs(recovery);
  return new ShrinkError('unconfirmed', say('nemo.unconfirmed', { ms, why }), {
    doing: say('nemo.doing-confirm'),
    hint: say('nemo.unconfirmed-hint'),
    action: { code: 'decide' },
  });
}
