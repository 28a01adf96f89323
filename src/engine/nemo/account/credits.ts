import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { Credits } from '../../engine.ts';
import { BALANCE, type Client } from './client.ts';
import { pickNumber } from '../http/json.ts';

/** Asks for the balance; costs nothing. */
export async function readCredits(cloud: { client: Client }, signal: AbortSignal): Promise<Credits> {
  return (await balanceOf(cloud, signal)).credits;
}

/** The balance, and what the service's clock said with it (epoch ms, NaN where it did not). */
export async function balanceOf(
  { client }: { client: Client },
  signal: AbortSignal,
): Promise<{ credits: Credits; date: number }> {
  const doing = 'asking for the credits';
  const { payload, headers } = await client
    .call({ doing, method: 'GET', path: BALANCE, signal, repeats: 2 })
    .catch((error: unknown) => {
      // No session is involved that could be gone: the address is wrong.
      throw isShrinkError(error, 'session-gone') ? notTheService(doing) : error;
    });
  const available = pickNumber(payload, 'available', 'balance', 'credits');
  if (available === undefined) throw notTheService(doing);
  const frozen = pickNumber(payload, 'frozen') ?? 0;
  const credits = { available, frozen, total: pickNumber(payload, 'total') ?? available + frozen };
  return { credits, date: Date.parse(headers.date ?? '') };
}

function notTheService(doing: string): ShrinkError {
  return new ShrinkError('bad-answer', `${doing}: the answer holds no balance`, {
    doing,
    hint: 'Check NEMO_API_URL, then retry.',
  });
}

export function balanceWords({ available, frozen, total }: Credits): string {
  return `${available} credits available, ${frozen} reserved, ${total} in total`;
}
