/** What `doctor` asks the cloud service, where the configuration speaks of it. None of it costs credits or makes anything. */
import type { Config } from '../../config/load.ts';
import { ShrinkError } from '../../core/errors.ts';
import { formatDuration } from '../../core/units.ts';
import { createCloudEngine } from '../../app/engines.ts';
import { silentLogger } from '../../platform/log.ts';
import type { Context } from '../support/context.ts';
import { bad, type CheckResult } from './finding.ts';

/** Longest a person waits for it, three tries of ours included. */
const PATIENCE_MS = 45_000;
/** Certificates and signed addresses bear a few minutes. */
const CLOCK_OFF_MS = 5 * 60_000;

export async function checkCloud(context: Context, config: Config): Promise<CheckResult[]> {
  const { clock } = context.io;
  const secrets = await context.loadSecrets(config).catch(() => undefined);
  // Said already, under "credentials".
  if (!secrets) return [];
  const about = 'cloud';
  const { host } = new URL(config.nemo.apiUrl);
  const engine = await createCloudEngine({ config, secrets, clock, log: silentLogger });
  const late = new AbortController();
  const disarm = clock.after(PATIENCE_MS, () =>
    late.abort(new ShrinkError('unreachable', `${host} did not answer within ${formatDuration(PATIENCE_MS)}`)),
  );
  try {
    const { account, credits, clockAheadMs } = await engine.check(late.signal);
    const whose = account === 'own' ? 'your token is taken' : 'the free token is taken';
    const said = account
      ? `${host} answers, ${whose}, ${credits?.available ?? 0} credits left${credits?.frozen ? ` (${credits.frozen} more set aside)` : ''}`
      : `${host} answers; a free token is asked for with the first file`;
    return [
      inTheOpen(config) ??
        (account && credits?.available === 0 ? { about, ...noCredits(said, account, config) } : ok(about, said)),
      ...clockFindings(clockAheadMs),
    ];
  } catch (error) {
    return [bad(about, error)];
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
  return { result: 'warn', said, fix: `${more} (${nemo.webUrl}). Rendering what was made already is free.` };
}

/** A token over plain HTTP is read by everybody on the way; a stand-in on this machine is nobody's business. */
function inTheOpen({ nemo }: Config): CheckResult | undefined {
  const { protocol, hostname } = new URL(nemo.apiUrl);
  if (protocol === 'https:' || ['localhost', '[::1]'].includes(hostname) || hostname.startsWith('127.'))
    return undefined;
  return {
    about: 'cloud',
    result: 'warn',
    said: `${nemo.apiUrl} is not encrypted: the token and the videos can be read on the way`,
    fix: 'Use https:// in nemo.api_url.',
  };
}

function clockFindings(aheadMs: number | undefined): CheckResult[] {
  if (aheadMs === undefined) return [];
  const about = 'clock';
  if (Math.abs(aheadMs) < CLOCK_OFF_MS) return [ok(about, "agrees with the cloud service's")];
  const said = `this machine's clock is ${formatDuration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} the cloud service's`;
  return [{ about, result: 'warn', said, fix: 'Set it, and keep it set: timedatectl set-ntp true.' }];
}
