import { ShrinkError } from '../../core/errors.ts';
import type { Client } from './client.ts';
import { pickNumber } from './json.ts';

/** Credits of the account: free to use, reserved for running work, and both together. */
export interface Credits {
  available: number;
  frozen: number;
  total: number;
}

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
  const { payload, headers } = await client.call({
    doing,
    method: 'GET',
    path: '/api/credits/balance/simple',
    signal,
    repeats: 2,
  });
  const available = pickNumber(payload, 'available', 'balance', 'credits');
  if (available === undefined) {
    throw new ShrinkError('bad-answer', `${doing}: the answer holds no balance`, {
      doing,
      hint: 'Check NEMO_API_URL, then retry.',
    });
  }
  const frozen = pickNumber(payload, 'frozen') ?? 0;
  const credits = { available, frozen, total: pickNumber(payload, 'total') ?? available + frozen };
  return { credits, date: Date.parse(headers.date ?? '') };
}

export function balanceWords({ available, frozen, total }: Credits): string {
  return `${available} credits available, ${frozen} reserved, ${total} in total`;
}
