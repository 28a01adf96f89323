/** What answers a command: a running daemon, else the journal, which is only read. */
import type { Config } from '../../config/load.ts';
import type { ControlClient } from '../../api/client.ts';
import type { Explanation, JobDetail, JobView, StatusView } from '../../api/types.ts';
import { ShrinkError } from '../../core/errors.ts';
import type { StateName } from '../../core/job.ts';
import type { Ledger } from '../../queue/ledger.ts';
import type { Context } from './context.ts';

export interface JobFilter {
  state?: StateName;
  order?: 'newest' | 'oldest';
  limit?: number;
}

export interface Reader {
  status(): Promise<StatusView>;
  /** Newest first by default, and all of them unless there is a limit. */
  jobs(filter?: JobFilter): Promise<JobView[]>;
  job(id: string): Promise<JobDetail | undefined>;
  explain(path: string): Promise<Explanation>;
  close(): Promise<void>;
}

/** For commands that only read. @throws ShrinkError damaged, denied, config-invalid. */
export async function openReader(context: Context): Promise<Reader> {
  const config = await context.loadConfig();
  const daemon = await connect(config);
  if (!daemon) return openJournalReader(context, config);
  return daemon;
}

/** For commands that act. @throws ShrinkError `unavailable` when no daemon is running. */
export async function openDaemon(context: Context): Promise<ControlClient> {
  const config = await context.loadConfig();
  const daemon = await connect(config);
  if (daemon) return daemon;
  const option = config.source ? ` --config ${config.source}` : '';
  throw new ShrinkError('unavailable', `no daemon is running for ${config.stateDir}`, {
    subject: config.stateDir,
    hint: `Start one with \`shrinkbox run${option}\`, or \`systemctl start shrinkbox\` where it is installed as a service.`,
  });
}

export async function connect(config: Config): Promise<ControlClient | undefined> {
  const { connectControl } = await import('../../api/client.ts');
  return connectControl(config.stateDir);
}

export async function openJournalReader(context: Context, config: Config): Promise<Reader> {
  const { openJournalControl } = await import('../../api/journal-control.ts');
  const { io, version } = context;
  const reader = await openJournalControl({
    config,
    version,
    clock: io.clock,
    explain: ledger => explainer(context, config, ledger),
  });
  return {
    status: async () => reader.status(),
    jobs: async ({ state, order, limit } = {}) => {
      const found = reader.jobs(state);
      return (order === 'oldest' ? found.reverse() : found).slice(0, limit);
    },
    job: async id => reader.job(id),
    explain: path => reader.explain(path),
    close: async () => {},
  };
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
  return path => explainFile(path, { folders, ledger, rulebook, engines, files: nodeFiles });
}
