/** The checks of the cloud service, where the configuration uses it. They cost no credits and create nothing. */
import type { Config } from '../../config/load.ts';
import { ShrinkError } from '../../core/errors.ts';
import { formatDuration } from '../../core/units.ts';
import { silentLogger } from '../../platform/log.ts';
import type { Context } from '../support/context.ts';
import { type CheckResult, failedCheck } from './check-result.ts';

/** Longest wait for the service, three tries included. */
const TIMEOUT_MS = 45_000;
/** Certificates and signed addresses tolerate a few minutes. */
const MAX_CLOCK_SKEW_MS = 5 * 60_000;

export async function checkCloud(context: Context, config: Config): Promise<CheckResult[]> {
  const { clock } = context.io;
  const secrets = await context.loadSecrets(config).catch(() => undefined);
  // Reported already, under "credentials".
  if (!secrets) return [];
  const about = 'cloud';
  const { host } = new URL(config.nemo.apiUrl);
  const engine = await context.parts.createCloudEngine({ config, secrets, clock, log: silentLogger });
  const timeout = new AbortController();
  const disarm = clock.after(TIMEOUT_MS, () =>
    timeout.abort(new ShrinkError('unreachable', `${host} did not answer within ${formatDuration(TIMEOUT_MS)}`)),
  );
  try {
    const { account, credits, clockAheadMs } = await engine.check(timeout.signal);
    const whose = account === 'own' ? 'your token is valid' : 'the free token is valid';
    const said = account
      ? `${host} answers, ${whose}, ${credits?.available ?? 0} credits left${credits?.frozen ? ` (${credits.frozen} more reserved)` : ''}`
      : `${host} answers; a free token will be requested with the first file`;
    return [
      unencrypted(config) ??
        (account && credits?.available === 0 ? { about, ...noCredits(said, account, config) } : ok(about, said)),
      ...clockResults(clockAheadMs),
    ];
  } catch (error) {
    return [failedCheck(about, error)];
  } finally {
    disarm();
    await engine.close();
  }
}

function ok(about: string, said: string): CheckResult {
  return { about, result: 'ok', said };
}

function noCredits(said: string, account: 'own' | 'anonymous', { nemo }: Config): Omit<CheckResult, 'about'> {
  const more = account === 'own' ? 'Top up credits in your account' : 'Register to get more';
  return { result: 'warn', said, fix: `${more} (${nemo.webUrl}). Rendering edits you already paid for is free.` };
}

/** Anybody on the way can read a token sent over plain HTTP, unless the way ends on this machine. */
function unencrypted({ nemo }: Config): CheckResult | undefined {
  const { protocol, hostname } = new URL(nemo.apiUrl);
  if (protocol === 'https:' || ['localhost', '[::1]'].includes(hostname) || hostname.startsWith('127.'))
    return undefined;
  return {
    about: 'cloud',
    result: 'warn',
    said: `${nemo.apiUrl} is not encrypted: others on the network can read the token and the videos`,
    fix: 'Use https:// in nemo.api_url.',
  };
}

function clockResults(aheadMs: number | undefined): CheckResult[] {
  if (aheadMs === undefined) return [];
  const about = 'clock';
  if (Math.abs(aheadMs) < MAX_CLOCK_SKEW_MS) return [ok(about, "agrees with the cloud service's clock")];
  const said = `this machine's clock is ${formatDuration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} the cloud service's clock`;
  return [{ about, result: 'warn', said, fix: 'Synchronise it: timedatectl set-ntp true.' }];
}
