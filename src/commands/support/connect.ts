/** What answers a command: a running daemon, else the journal, which is only read. */
import type { Config } from '../../config/load.ts';
import type { ConfigError } from '../../config/problems.ts';
import type { ControlClient, JobFilter } from '../../api/client.ts';
import type { ArchiveView, Explanation, JobDetail, JobView, StatusView } from '../../api/types.ts';
import { ShrinkError } from '../../core/errors.ts';
import { plural } from '../../core/units.ts';
import type { Ledger } from '../../queue/ledger.ts';
import type { Context } from './context.ts';
import { mistakeLines } from './error-output.ts';

export interface Reader {
  status(): Promise<StatusView>;
  /** Newest first by default, and all of them unless there is a limit. */
  jobs(filter?: JobFilter): Promise<JobView[]>;
  job(id: string): Promise<JobDetail | undefined>;
  archive(): Promise<ArchiveView>;
  explain(path: string): Promise<Explanation>;
  close(): Promise<void>;
}

/** For commands that only read. @throws ShrinkError damaged, denied; config-invalid where a broken file does not even say where. */
export async function openReader(context: Context): Promise<Reader> {
  const { config, daemon, broken } = await findDaemon(context);
  return daemon ?? openJournalReader(context, config, broken);
}

/** For commands that act. @throws ShrinkError `unavailable` when no daemon is running. */
export async function openDaemon(context: Context): Promise<ControlClient> {
  const { config, daemon } = await findDaemon(context);
  if (daemon) return daemon;
  const option = config.source ? ` --config ${config.source}` : '';
  throw new ShrinkError('unavailable', `no daemon is running for ${config.stateDir}`, {
    subject: config.stateDir,
    hint: `Start one with \`shrinkbox run${option}\`, or \`systemctl start shrinkbox\` where it is installed as a service.`,
  });
}

export interface FoundDaemon {
  /** Where the file has mistakes, only its `state_dir` counts. */
  config: Config;
  broken?: ConfigError;
  daemon?: ControlClient;
}

/**
 * The daemon of the configuration, if it is running. A file with mistakes keeps nobody from it: a warning says where they are.
 * @throws ConfigError where the file cannot be read and no daemon answers at the usual places; then nobody knows where to look.
 */
export async function findDaemon(context: Context): Promise<FoundDaemon> {
  const { config, broken, guesses } = await context.loadConfigLeniently();
  if (!broken) return { config, daemon: await connect(config) };
  if (!guesses) {
    warnOf(context, broken, config.stateDir);
    return { config, broken, daemon: await connect(config) };
  }
  for (const stateDir of guesses) {
    // One that belongs to another user is none for us.
    const daemon = await connect({ stateDir }).catch(() => undefined);
    if (!daemon) continue;
    warnOf(context, broken, stateDir);
    return { config: { ...config, stateDir }, broken, daemon };
  }
  throw broken;
}

function warnOf(context: Context, { problems }: ConfigError, stateDir: string): void {
  const first = `the configuration has ${plural(problems.length, 'mistake')}, so only its state directory is used here: ${stateDir}`;
  context.warn([first, ...mistakeLines(problems)], { state_dir: stateDir, problems });
}

export async function connect({ stateDir }: Pick<Config, 'stateDir'>): Promise<ControlClient | undefined> {
  const { connectControl } = await import('../../api/client.ts');
  return connectControl(stateDir);
}

/** @param broken why the configuration is not known, but for its `state_dir` */
export async function openJournalReader(context: Context, config: Config, broken?: ConfigError): Promise<Reader> {
  const { openJournalControl } = await import('../../api/journal-control.ts');
  const { io, version } = context;
  const reader = await openJournalControl({
    config,
    version,
    clock: io.clock,
    explain: ledger => {
      if (broken) throw needsConfig(broken);
      return explainer(context, config, ledger);
    },
  });
  return {
    status: async () => reader.status(),
    jobs: async ({ state, order = 'newest', limit } = {}) => {
      const found = reader.jobs(state);
      return (order === 'newest' ? found : found.reverse()).slice(0, limit);
    },
    job: async id => reader.job(id),
    archive: async () => reader.archive(),
    explain: path => reader.explain(path),
    close: async () => {},
  };
}

/** The mistakes themselves were listed by the warning. */
function needsConfig(cause: ConfigError): ShrinkError {
  const message = 'no daemon is running, and the rules in a configuration with mistakes cannot be applied to a file';
  return new ShrinkError('config-invalid', message, { hint: cause.hint, cause });
}

/** Only the plan needs ffmpeg; without it the rest is still explained. */
async function explainer(
  context: Context,
  config: Config,
  ledger: Ledger,
): Promise<(path: string) => Promise<Explanation>> {
  const [
    { explainFile },
    { Rulebook },
    { createEngines },
    { Folders },
    { findTools },
    { nodeFiles },
    { silentLogger },
  ] = await Promise.all([
    import('../../app/explain.ts'),
    import('../../app/rulebook.ts'),
    import('../../app/engines.ts'),
    import('../../app/folders.ts'),
    import('../../media/ffmpeg/tools.ts'),
    import('../../platform/files/files.ts'),
    import('../../platform/log.ts'),
  ]);
  const folders = new Folders(config, nodeFiles);
  const rulebook = new Rulebook({ current: config });
  const tools = await findTools(config.local).catch(() => undefined);
  const parts = { config, secrets: {}, clock: context.io.clock, log: silentLogger };
  const engines = tools ? await createEngines({ ...parts, tools }) : {};
  return path => explainFile(path, { folders, ledger, rulebook, engines, files: nodeFiles, clock: context.io.clock });
}
