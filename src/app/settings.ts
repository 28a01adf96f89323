/** Rules and settings, for whoever looks at them or changes them on the page. */
import type {
  ConfigChange,
  ConfigEditAsked,
  ConfigProblem,
  ConfigView,
  NotifyTest,
  Settings as SettingsPort,
  Which,
  WhichAsked,
} from '../api/types.ts';
import { diffOf } from '../config/diff.ts';
import { editConfig, RULE_KEYS, type Written } from '../config/edit.ts';
import type { Config } from '../config/load.ts';
import { ConfigError, type Problem } from '../config/problems.ts';
import { maskUrl } from '../config/redact.ts';
import { planReload, type ReloadPlan } from '../config/reload.ts';
import { DEFAULT_RULES } from '../config/schema.ts';
import { saidBy } from '../config/told.ts';
import { parseYaml } from '../config/yaml.ts';
import { ShrinkError } from '../core/errors.ts';
import type { Sighting } from '../core/job.ts';
import { messageOf, type Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { testNotify } from '../notify/notify.ts';
import { Semaphore } from '../platform/async.ts';
import { timeZone } from '../platform/clock.ts';
import { createHttp } from '../platform/http.ts';
import type { Logger } from '../platform/log.ts';
import type { Ledger } from '../queue/ledger.ts';
import { ConfigFile } from './config-file.ts';
import type { LiveConfig } from './live-config.ts';
import type { Rulebook } from './rulebook.ts';

/** How the program reads its configuration, and has a running daemon take it. */
export interface Configuration {
  /** What a text would mean in the place of the file. @throws ConfigError with every problem at once. */
  parse(text: string): Promise<Config>;
  /** Reads the file again, as after a SIGHUP. */
  reload(): Promise<ReloadOutcome>;
}

export interface ReloadOutcome extends Pick<ReloadPlan, 'applied' | 'needsRestart'> {
  /** Why the file is not used. */
  refused?: ShrinkError;
}

export interface SettingsOptions {
  /** Absent where nothing can be changed. */
  configuration?: Configuration | undefined;
  live: LiveConfig;
  rulebook: Pick<Rulebook, 'trace'>;
  ledger: Pick<Ledger, 'find'>;
  log: Logger;
}

/** A usual film of a phone, where nobody says how large a file is. */
const SOME_BYTES = 200e6;

export class Settings implements SettingsPort {
  readonly #options: SettingsOptions;
  readonly #turn = new Semaphore(1);
  readonly #tests = new Semaphore(1);

  constructor(options: SettingsOptions) {
    this.#options = options;
  }

  async view(): Promise<ConfigView> {
    const { live, configuration } = this.#options;
    const { source, folders, notify } = live.current;
    const file = this.#file();
    const read = file?.read();
    const yaml = read && parseYaml(file?.path ?? '', read.text);
    const problems = read && configuration ? await this.#problemsOf(read.text) : [];
    const why = await this.#whyFixed(file, problems);
    const written = asMap(yaml?.value ?? {});
    const limits = asMap(written['limits']);
    return {
      file: source,
      version: read?.version ?? null,
      editable: why === undefined,
      why_not: why?.text ?? null,
      messages: { why_not: messageOf(why) },
      problems,
      rules: asList(written['rules'] ?? DEFAULT_RULES).map(ruleView),
      folders:
        problems.length > 0
          ? []
          : folders.map((folder, index) => ({
              inbox: folder.inbox,
              outbox: folder.outbox,
              originals: folder.originals,
              archive: folder.archive ?? null,
              archive_days: folder.archiveDays ?? null,
              rules: namesIn(asList(written['folders'])[index]?.['rules']),
            })),
      hours: typeof limits['local_hours'] === 'string' ? limits['local_hours'] : null,
      time_zone: timeZone(),
      notify: notify.map(({ url, on }) => ({ to: maskUrl(url), on: [...on] })),
    };
  }

  preview(asked: ConfigEditAsked): Promise<ConfigChange> {
    return this.#change(asked, 'preview');
  }

  save(asked: ConfigEditAsked): Promise<ConfigChange> {
    return this.#turn.run(() => this.#change(asked, 'save'));
  }

  which({ name, job: id, inbox: asked, bytes }: WhichAsked): Which | undefined {
    const { live, rulebook, ledger } = this.#options;
    const job = id === undefined ? undefined : ledger.find(id);
    if (id !== undefined && !job) return undefined;
    const inbox = job?.inbox ?? asked ?? live.current.folders[0]?.inbox;
    if (inbox === undefined || !live.current.folders.some(folder => folder.inbox === inbox)) return undefined;
    const relative = job?.relative ?? name ?? '';
    const sizeBytes = job?.pin.sizeBytes ?? bytes ?? SOME_BYTES;
    const pin = { dev: '', ino: '', sizeBytes, mtimeNs: '0', ctimeNs: '0' };
    const sighting: Sighting = { inbox, path: `${inbox}/${relative}`, relative, pin };
    const { decision, checked } = rulebook.trace(sighting, 1);
    const [text, message] =
      decision.kind === 'do' ? [decision.why, decision.messages?.why] : [decision.reason, decision.messages?.reason];
    return {
      inbox,
      name: relative,
      bytes: sizeBytes,
      rule: decision.rule ?? null,
      rules: checked.map(({ name: rule, matched, why }) => ({
        name: rule,
        matched,
        why: why.text,
        message: messageOf(why),
      })),
      verdict: text,
      message,
    };
  }

  async testNotify(): Promise<NotifyTest> {
    const { notify } = this.#options.live.current;
    return this.#tests.run(async () => {
      const http = createHttp();
      return testNotify(notify, http).finally(() => http.close());
    });
  }

  async #change(asked: ConfigEditAsked, act: 'preview' | 'save'): Promise<ConfigChange> {
    const { configuration, live, log } = this.#options;
    const file = this.#file();
    const why = await this.#whyFixed(file, []);
    if (!file || !configuration || why) throw new ShrinkError('denied', why ?? say('settings.no-file'));
    const { text, version } = file.read();
    if (version !== asked.version) {
      throw new ShrinkError('changed-underneath', say('settings.changed', { path: file.path }), { subject: file.path });
    }
    const next = editConfig(text, asked);
    if (next === undefined) throw new ShrinkError('bad-request', say('settings.by-hand', { path: file.path }));
    const diff = diffOf(text, next);
    const parsed = await parsedOr(() => configuration.parse(next));
    if ('problems' in parsed) {
      return { saved: false, problems: parsed.problems, diff, version, applied: [], needs_restart: [] };
    }
    const { applied, needsRestart } = planReload(live.current, parsed.config);
    const planned = { problems: [], diff, applied, needs_restart: needsRestart };
    if (act === 'preview' || diff.length === 0) return { saved: false, ...planned, version };
    await file.replace(next, version);
    log.info({ path: file.path, changed: applied }, 'the configuration was changed on the page');
    const outcome = await configuration.reload();
    if (outcome.refused) throw outcome.refused;
    return { saved: true, ...planned, version: file.read().version };
  }

  #file(): ConfigFile | undefined {
    const { live, log } = this.#options;
    return live.current.source === null ? undefined : new ConfigFile(live.current.source, log);
  }

  async #whyFixed(file: ConfigFile | undefined, problems: readonly ConfigProblem[]): Promise<Sentence | undefined> {
    if (!file || !this.#options.configuration) return say('settings.no-file');
    if (problems.length > 0) return say('settings.has-mistakes', { path: file.path });
    return file.whyFixed();
  }

  async #problemsOf(text: string): Promise<ConfigProblem[]> {
    const { configuration } = this.#options;
    const parsed = configuration && (await parsedOr(() => configuration.parse(text)));
    return parsed && 'problems' in parsed ? parsed.problems : [];
  }
}

function problemView({ line, column, path, message }: Problem): ConfigProblem {
  return { line, column, path, message, messages: { message: messageOf(saidBy(message)) } };
}

async function parsedOr(parse: () => Promise<Config>): Promise<{ config: Config } | { problems: ConfigProblem[] }> {
  try {
    return { config: await parse() };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { problems: error.problems.map(problemView) };
  }
}

type Plain = Readonly<Record<string, unknown>>;

function asMap(value: unknown): Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Plain) : {};
}

function asList(value: unknown): Plain[] {
  return Array.isArray(value) ? value.map(asMap) : [];
}

function namesIn(value: unknown): string[] | null {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.map(String) : null;
}

function ruleView(rule: Plain, index: number): ConfigView['rules'][number] {
  const values = RULE_KEYS.flatMap(key => (isWritten(rule[key]) ? [[key, rule[key]] as const] : []));
  const { name, engine, fallback } = rule;
  return {
    name: typeof name === 'string' ? name : `rule-${index + 1}`,
    values: Object.fromEntries(values),
    engine: typeof engine === 'string' ? engine : null,
    fallback: typeof fallback === 'string' ? fallback : null,
  };
}

function isWritten(value: unknown): value is Written {
  return ['string', 'number', 'boolean'].includes(typeof value) || Array.isArray(value);
}
