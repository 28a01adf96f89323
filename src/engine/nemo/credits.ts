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
export async function readCredits({ client }: { client: Client }, signal: AbortSignal): Promise<Credits> {
  const doing = 'asking for the credits';
  const { payload } = await client.call({
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
  return { available, frozen, total: pickNumber(payload, 'total') ?? available + frozen };
}

export function balanceWords({ available, frozen, total }: Credits): string {
  return `${available} credits available, ${frozen} reserved, ${total} in total`;
}
