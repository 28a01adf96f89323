/** The checks of `doctor`. Each returns what it found; only a bug throws. */
import { randomBytes } from 'node:crypto';
import { readFileSync, type Stats, statSync } from 'node:fs';
import { access as accessible, constants, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { StatusView } from '../../api/types.ts';
import type { Config, Folder } from '../../config/load.ts';
import { type ConfigError, formatProblem } from '../../config/problems.ts';
import { usesNemo } from '../../app/engines.ts';
import { inboxesOf } from '../../app/folders.ts';
import { FolderMounts } from '../../app/folder-mounts.ts';
import { InboxLock } from '../../app/inbox-lock.ts';
import type { ShrinkError } from '../../core/errors.ts';
import { whyOriginalsStay } from '../../app/originals-check.ts';
import { refusals, whyNotTrusted } from '../../app/start-checks.ts';
import { type FolderProbe, probeFolder } from '../../deliver/write-test.ts';
import { shortfalls } from '../../media/ffmpeg/shortfalls.ts';
import { findTools, type Tools } from '../../media/ffmpeg/tools.ts';
import { fileError } from '../../platform/files/file-error.ts';
import { errnoOf, nodeFiles } from '../../platform/files/files.ts';
import { fsKindOf } from '../../platform/files/mounts.ts';
import { diskSpace, missingBytes } from '../../platform/files/space.ts';
import { silentLogger } from '../../platform/log.ts';
import { userName } from '../../platform/user.ts';
import { connect, openJournalReader } from '../support/connect.ts';
import { startFactsOf } from '../check.ts';
import type { Context } from '../support/context.ts';
import { EXIT } from '../support/exit-codes.ts';
import { fleetTroubles } from '../support/fleet-troubles.ts';
import { checkAccess } from './access.ts';
import { type CheckResult, failedCheck } from './check-result.ts';
import { formatHours, plural } from '../../core/units.ts';
import { timeZone } from '../../platform/clock.ts';
import { formatTime } from '../support/terminal.ts';

/** What can be checked without a valid configuration: `config` has its `state_dir`, nothing else. */
export async function* checkResultsOfBroken(
  context: Context,
  config: Config,
  { problems }: ConfigError,
): AsyncGenerator<CheckResult> {
  yield program(context);
  const fix = 'Correct it; the daemon does not start with it, and everything it names can only be checked then.';
  for (const [i, problem] of problems.entries()) {
    const last = i === problems.length - 1 ? { fix } : {};
    yield { about: 'configuration', result: 'bad', said: formatProblem(problem), ...last, code: EXIT.config };
  }
  const daemon = await daemonState(config);
  yield daemon.result;
  yield await stateDir(config);
}

/** All checks, in the order a person would go through them. */
export async function* checkResults(context: Context, config: Config): AsyncGenerator<CheckResult> {
  yield program(context);
  yield { about: 'configuration', result: 'ok', said: config.source ?? 'none found: using the built-in defaults' };
  yield await secrets(context, config);
  yield* await refused(context, config);
  yield* await ffmpeg(config);
  const daemon = await daemonState(config);
  yield daemon.result;
  if (config.fleet) yield* fleet(context, { ...config, fleet: config.fleet }, daemon);
  yield await stateDir(config);
  if (!daemon.running) yield await journal(context, config);
  for (const folder of config.folders) yield* await folderResults(folder, config);
  yield* await claims(config);
  yield await watchLimits(config);
  for (const { run } of config.after) yield await afterProgram(run[0] ?? '');
  const { localHours } = config.limits;
  if (localHours) yield hours(localHours, context.io.clock.now());
  const http = await httpPort(config, daemon);
  if (http) yield http;
  yield* await access(context, config);
  if (usesNemo(config)) {
    const { checkCloud } = await import('./cloud.ts');
    yield* await checkCloud(context, config);
  }
}

function program({ version }: Context): CheckResult {
  const [major = 0] = process.versions.node.split('.').map(Number);
  const said = `shrinkbox ${version}, Node ${process.versions.node}, as user ${userName()}`;
  if (major < 22) {
    return {
      about: 'program',
      result: 'warn',
      said,
      fix: `Node ${major} works, but it no longer gets security fixes. Use Node 24 or newer.`,
    };
  }
  const fix = 'Run it as the user the daemon runs as: sudo -u shrinkbox shrinkbox doctor.';
  return process.getuid?.() === 0
    ? { about: 'program', result: 'ok', said, fix }
    : { about: 'program', result: 'ok', said };
}

/** A container or a service may be in another zone than the people around it. */
function hours(localHours: NonNullable<Config['limits']['localHours']>, now: number): CheckResult {
  const said = `this machine encodes at ${formatHours(localHours)}; in the time zone ${timeZone()} it is ${formatTime(now).slice(11, 16)} now`;
  const fix =
    'If that is not your time: set TZ for the daemon (Environment=TZ=Europe/Berlin in the unit, -e TZ=... with Docker).';
  return { about: 'local_hours', result: 'ok', said, fix };
}

async function secrets(context: Context, config: Config): Promise<CheckResult> {
  const about = 'credentials';
  try {
    const found = await context.loadSecrets(config);
    const needed = usesNemo(config);
    if (found.nemoToken) return { about, result: 'ok', said: 'a cloud token is set' };
    return {
      about,
      result: 'ok',
      said: needed ? 'no cloud token: an anonymous one will be requested when needed' : 'none needed',
    };
  } catch (error) {
    return failedCheck(about, error);
  }
}

/** Other daemons at the same inboxes. */
async function claims(config: Config): Promise<CheckResult[]> {
  const about = 'inbox';
  const lock = new InboxLock(config.stateDir, nodeFiles);
  const taken = await lock.whyRefused(inboxesOf(config));
  const strangers = await lock.strangers(inboxesOf(config));
  const remarks = strangers.map(({ text }): CheckResult => ({ about, result: 'warn', said: text }));
  return taken ? [failedCheck(about, taken), ...remarks] : remarks;
}

/** What the daemon would not start with. */
async function refused(context: Context, config: Config): Promise<CheckResult[]> {
  // A token that cannot be read is reported already, under "credentials".
  const token = await context.loadSecrets(config).then(
    found => found.httpToken !== undefined,
    () => true,
  );
  const problems = refusals(await startFactsOf(config, token));
  const result = { about: 'configuration', result: 'bad', code: EXIT.config } as const;
  return problems.map(problem => ({
    ...result,
    said: formatProblem(problem),
    fix: 'Change it; the daemon does not start with it.',
  }));
}

async function access(context: Context, config: Config): Promise<CheckResult[]> {
  // Whatever keeps them from being read is already reported, under "credentials".
  const secrets = await context.loadSecrets(config).catch(() => undefined);
  return secrets ? checkAccess(config, secrets) : [];
}

async function ffmpeg(config: Config): Promise<CheckResult[]> {
  const about = 'ffmpeg';
  try {
    const tools = await findTools(config.local);
    const found: CheckResult = { about, result: 'ok', said: `${tools.ffmpeg} ${tools.version}` };
    return [found, ...missingFeatures(tools), ...hardwareResults(tools)];
  } catch (error) {
    return [failedCheck(about, error)];
  }
}

/** What the trial encodes of `local.hardware` showed. Without one that works, the processor does all: nothing is bad. */
function hardwareResults({ hardware }: Tools): CheckResult[] {
  const about = 'hardware';
  return (hardware?.findings ?? []).map(({ isGood, said, fix }) => ({
    about,
    result: isGood ? ('ok' as const) : ('warn' as const),
    said: said.text,
    ...(fix && { fix: fix.text }),
  }));
}

/** What only some films need. */
function missingFeatures(tools: Tools): CheckResult[] {
  return shortfalls(tools).map(({ said, fix }) => ({
    about: 'ffmpeg',
    result: 'warn',
    said: said.text,
    fix: fix.text,
  }));
}

interface DaemonState {
  running: boolean;
  /** Why a running daemon has no page although it should. */
  pageUnavailable?: string | undefined;
  /** The running daemon's, where it has one. */
  fleet?: StatusView['fleet'];
  result: CheckResult;
}

async function daemonState(config: Config): Promise<DaemonState> {
  const about = 'daemon';
  try {
    const client = await connect(config);
    if (!client) return { running: false, result: { about, result: 'ok', said: 'not running' } };
    const status = await client.status().finally(() => client.close());
    const { pid, mode, page_unavailable: pageUnavailable } = status;
    return {
      running: true,
      pageUnavailable,
      fleet: status.fleet,
      result: { about, result: 'ok', said: `${mode}, pid ${pid}` },
    };
  } catch (error) {
    return { running: true, result: failedCheck(about, error) };
  }
}

/** The queue, and what the running daemon has to say of its workers. */
async function* fleet(
  { io }: Context,
  config: Config & { fleet: NonNullable<Config['fleet']> },
  daemon: DaemonState,
): AsyncGenerator<CheckResult> {
  const [{ queueFindings }, { Roster }] = await Promise.all([
    import('../../app/fleet-doctor.ts'),
    import('../../fleet/roster.ts'),
  ]);
  yield* queueFindings(config.fleet, daemon.fleet && (await new Roster(config.stateDir, silentLogger).clusterId()));
  if (!daemon.fleet) return;
  const about = 'fleet';
  const troubles = fleetTroubles(daemon.fleet, io.clock.now());
  for (const { said, fix } of troubles) yield { about, result: 'warn', said, fix };
  const { workers } = daemon.fleet;
  const there = workers.filter(({ state }) => state === 'working' || state === 'idle').length;
  if (troubles.length === 0) yield { about, result: 'ok', said: `${there} of ${workers.length} workers take parts` };
}

async function stateDir(config: Config): Promise<CheckResult> {
  const about = 'state';
  const dir = config.stateDir;
  const found = await lookAt(about, dir);
  if (!found) return missingFolder(about, dir);
  if ('result' in found) return found;
  const kind = fsKindOf(dir);
  const distrusted = await whyNotTrusted(dir);
  if (distrusted) return process.geteuid?.() === 0 ? asRoot(about, distrusted) : failedCheck(about, distrusted);
  const probe = await probeFolder(dir, nodeFiles, probeId());
  const failed = probe.checks.find(check => check.result === 'failed');
  if (failed) return { about, result: 'bad', said: `${dir}: ${failed.said}`, fix: failed.hint ?? OWN_IT };
  const low = await lowSpace(dir, config);
  if (low) return { about, ...low };
  return { about, result: 'ok', said: `${dir} (${kind.type}): ${saidOf(probe, 'space')}` };
}

/** Nothing is wrong if it is the daemon's user it belongs to, whom root only stands in for here. */
function asRoot(about: string, { message }: ShrinkError): CheckResult {
  const fix = 'If the daemon runs as that user, run doctor as that user as well. As root it does not start.';
  return { about, result: 'warn', said: message, fix };
}

/** What is at a path, if anything; a bad result where that cannot be found out: a folder around it is closed, or is a file. */
async function lookAt(about: string, path: string): Promise<Stats | CheckResult | undefined> {
  try {
    return statSync(path);
  } catch (error) {
    const known = fileError(error, `looking at ${path}`, path);
    return known.code === 'gone' && errnoOf(error) !== 'ENOTDIR' ? undefined : failedCheck(about, known);
  }
}

const MOVABLE =
  'Let the user the daemon runs as write to the inbox and the archive, or set originals: keep for the folder.';
const OWN_IT = 'Give the folder to the user the daemon runs as: chown -R shrinkbox FOLDER.';

async function journal(context: Context, config: Config): Promise<CheckResult> {
  const about = 'journal';
  try {
    const reader = await openJournalReader(context, config);
    const { counts } = await reader.status();
    const jobs = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { about, result: 'ok', said: plural(jobs, 'job') };
  } catch (error) {
    return failedCheck(about, error);
  }
}

async function folderResults(folder: Folder, config: Config): Promise<CheckResult[]> {
  // Originals that are kept are only read, so their folder need not be writable.
  const checked = [
    { about: 'inbox', dir: folder.inbox, readOnly: folder.originals === 'keep' },
    { about: 'outbox', dir: folder.outbox, readOnly: false },
    ...(folder.archive ? [{ about: 'archive', dir: folder.archive, readOnly: false }] : []),
  ];
  const found: CheckResult[] = [];
  for (const folder of checked) found.push(await folderResult(folder, config));
  const stay = await whyOriginalsStay(folder, nodeFiles);
  if (stay) found.push({ about: 'originals', result: 'bad', said: stay.text, fix: MOVABLE });
  return found;
}

async function folderResult(
  { about, dir, readOnly }: { about: string; dir: string; readOnly: boolean },
  config: Config,
): Promise<CheckResult> {
  const found = await lookAt(about, dir);
  if (found && 'result' in found) return found;
  const mounts = new FolderMounts({ stateDir: config.stateDir });
  const away = found ? mounts.whyAway(dir) : await mounts.whyNotMade(dir, nodeFiles).catch(() => undefined);
  if (away) return { about, result: 'bad', said: away.message, fix: away.hint };
  if (!found) return missingFolder(about, dir);
  if (!found.isDirectory()) return { about, result: 'bad', said: `${dir} is not a folder` };
  const kind = fsKindOf(dir);
  const probe = await probeFolder(dir, nodeFiles, probeId());
  const failed = probe.checks.filter(check => check.result === 'failed');
  const mustWork = failed.filter(check => !readOnly || check.name === 'list');
  if (mustWork[0])
    return { about, result: 'bad', said: `${dir}: ${mustWork[0].said}`, fix: mustWork[0].hint ?? OWN_IT };
  if (failed.length > 0)
    return {
      about,
      result: 'ok',
      said: `${dir} can be read and not written to by ${userName()}: enough to watch it, because originals are kept, but the page can't put files there`,
    };
  const worse = probe.checks.filter(check => check.result === 'worse').map(check => `${check.name}: ${check.said}`);
  if (worse.length > 0) {
    return {
      about,
      result: 'warn',
      said: `${dir} (${kind.type}): ${worse.join('; ')}`,
      fix: 'shrinkbox works here all the same.',
    };
  }
  const low = await lowSpace(dir, config);
  if (low) return { about, ...low };
  const polled = kind.polled && about === 'inbox' ? ', polled because it sends no reliable change events' : '';
  return { about, result: 'ok', said: `${dir} (${kind.type}${polled}): ${saidOf(probe, 'space')}` };
}

async function lowSpace(dir: string, config: Config): Promise<Omit<CheckResult, 'about'> | undefined> {
  const disk = await diskSpace(dir, nodeFiles).catch(() => undefined);
  if (!disk || missingBytes(disk, 0, config.limits.minFree, 0) === 0) return undefined;
  const said = `${dir}: less space is free than limits.min_free requires, so jobs wait`;
  return { result: 'warn', said, fix: 'Free some space there, or lower limits.min_free.' };
}

/** The daemon creates a missing folder at start where its parent exists. */
async function missingFolder(about: string, dir: string): Promise<CheckResult> {
  const parent = dirname(dir);
  try {
    await accessible(parent, constants.W_OK | constants.X_OK);
    return { about, result: 'ok', said: `${dir} does not exist yet; the daemon will create it` };
  } catch {
    const fix = `Create it (mkdir -p ${dir}) and give it to the user the daemon runs as, or mount the disk it is on.`;
    return { about, result: 'bad', said: `${dir} does not exist and cannot be created in ${parent}`, fix };
  }
}

/** What `after` runs is looked for now, rather than after the first delivery. */
async function afterProgram(name: string): Promise<CheckResult> {
  const about = 'after';
  const { findProgram } = await import('../../platform/process/limits.ts');
  const found = await findProgram(name);
  if (found) return { about, result: 'ok', said: `${name} is ${found}` };
  const fix = 'Install it, or write its whole path under after in the configuration.';
  return { about, result: 'bad', said: `there is no program ${name} that this user may run`, fix };
}

const FEW_WATCHES = 8192;

/** Each directory takes one watch; beyond the limit folders are polled instead, which is slower. */
async function watchLimits(config: Config): Promise<CheckResult> {
  const about = 'watching';
  const limit = Number(readOptional('/proc/sys/fs/inotify/max_user_watches'));
  if (!(limit > 0)) return { about, result: 'ok', said: 'this system sets no limit on watched directories' };
  const directories = await countDirectories(
    config.folders.map(folder => folder.inbox),
    limit,
  );
  const said = `${plural(directories, 'directory', 'directories')} to watch; the system allows ${limit}`;
  if (directories * 2 < limit && (limit >= FEW_WATCHES || directories * 10 < limit))
    return { about, result: 'ok', said };
  const fix =
    'Raise the limit: sudo sysctl fs.inotify.max_user_watches=524288, and put the same line into /etc/sysctl.d to keep it.';
  return { about, result: 'warn', said, fix };
}

async function countDirectories(roots: readonly string[], most: number): Promise<number> {
  let count = 0;
  const open = [...roots];
  for (let dir = open.pop(); dir !== undefined && count < most; dir = open.pop()) {
    const entries = await readdir(dir, { withFileTypes: true }).catch(() => undefined);
    if (!entries) continue;
    count += 1;
    for (const entry of entries) if (entry.isDirectory()) open.push(join(dir, entry.name));
  }
  return count;
}

async function httpPort(config: Config, { running, pageUnavailable }: DaemonState): Promise<CheckResult | undefined> {
  const { listen } = config.http;
  const about = 'page';
  const fix = 'Set http.listen to another port, or to off. Everything else works without it.';
  if (pageUnavailable) return { about, result: 'warn', said: pageUnavailable, fix };
  if (listen === 'off' || running) return undefined;
  const said = `${listen.host}:${listen.port}`;
  const errno = await new Promise<string | undefined>(resolve => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    server.listen({ ...listen, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
  if (errno === undefined) return { about, result: 'ok', said: `${said} is free` };
  return { about, result: 'warn', said: `cannot listen on ${said} (${errno})`, fix };
}

function saidOf(probe: FolderProbe, name: FolderProbe['checks'][number]['name']): string {
  return probe.checks.find(check => check.name === name)?.said ?? '';
}

function probeId(): string {
  return randomBytes(4).toString('hex');
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
