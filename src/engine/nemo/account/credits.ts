import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import type { Credits } from '../../engine.ts';
import { pickNumber } from '../http/json.ts';
import { BALANCE_PATH, type Client } from './client.ts';

/** Reads the balance; costs nothing. */
export async function readCredits(client: Client, signal: AbortSignal): Promise<Credits> {
  return (await readBalance(client, signal)).credits;
}

/** The balance, with the service's time (epoch ms, NaN if it gave none). */
export async function readBalance(client: Client, signal: AbortSignal): Promise<{ credits: Credits; date: number }> {
  const doing = say('nemo.doing-credits');
  const { payload, headers } = await client
    .call({ doing, method: 'GET', path: BALANCE_PATH, signal, repeats: 2 })
    .catch((error: unknown) => {
      // No session is involved, so a 404 means a wrong address.
      throw isShrinkError(error, 'session-gone') ? notTheService(doing) : error;
    });
  const available = pickNumber(payload, 'available', 'balance', 'credits');
  if (available === undefined) throw notTheService(doing);
  // Nobody has less than nothing: what it means is not known.
  if (available < 0) throw noBalance(doing, available);
  const frozen = pickNumber(payload, 'frozen') ?? 0;
  const credits = { available, frozen, total: pickNumber(payload, 'total') ?? available + frozen };
  return { credits, date: Date.parse(headers['date'] ?? '') };
}

function notTheService(doing: Sentence): ShrinkError {
  return new ShrinkError('bad-answer', say('nemo.while', { doing, problem: say('nemo.no-balance-in-reply') }), {
    doing: doing.text,
    hint: say('nemo.check-api-url-retry-hint'),
  });
}

function noBalance(doing: Sentence, available: number): ShrinkError {
  const problem = say('nemo.negative-balance', { available });
  return new ShrinkError('bad-answer', say('nemo.while', { doing, problem }), { doing: doing.text });
}

export function balanceSentence({ available, frozen, total }: Credits): Sentence {
  return say('nemo.balance', { available, frozen, total });
}
