import type { StartFacts } from '../app/start-checks.ts';
import { asFolder, rulesOf } from '../config/libraries.ts';
import type { Config, Folder, Rule } from '../config/load.ts';
import { formatResolution } from '../core/target.ts';
import { formatBytes, formatHours } from '../core/units.ts';
import { timeZone } from '../platform/clock.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { escapeForTerminal } from '../core/escape.ts';
import { formatTime } from './support/terminal.ts';

export const defineCheck: Define = (program, action) => {
  program
    .command('check')
    .description('check the configuration: print what it means, or every mistake in it')
    .option('--schema', 'print the JSON Schema of the configuration, for editors')
    .action(
      action(async (context, options: { schema?: boolean }) => {
        if (options.schema) {
          const { jsonSchema } = await import('../config/schema.ts');
          context.printJson(jsonSchema());
          return EXIT.fine;
        }
        const config = await context.loadConfig();
        const { httpToken } = await context.loadSecrets(config);
        const { mustNotBeRefused } = await import('../app/start-checks.ts');
        mustNotBeRefused(await startFactsOf(config, httpToken !== undefined));
        const { isWeakToken, WEAK_TOKEN, WEAK_TOKEN_FIX } = await import('../config/secrets.ts');
        if (httpToken && isWeakToken(httpToken)) context.printErr(`${WEAK_TOKEN}. ${WEAK_TOKEN_FIX}`);
        if (context.json) context.printJson({ ok: true, ...config, notify: await withoutKeys(config.notify) });
        else for (const line of configLines(context, config, httpToken !== undefined)) context.print(line);
        return EXIT.fine;
      }),
    );
};

/** Webhook services put their keys into the URL. */
async function withoutKeys(notify: Config['notify']): Promise<Config['notify']> {
  const { maskUrl } = await import('../config/redact.ts');
  return notify.map(each => ({ ...each, url: maskUrl(each.url) }));
}

/** What `run` would find: the token may be a credential that only a service can read. */
export async function startFactsOf(config: Config, hasHttpToken: boolean): Promise<StartFacts> {
  const [{ startFacts }, { unitWithHttpToken }, { nodeFiles }] = await Promise.all([
    import('../app/start-checks.ts'),
    import('./service/http-credential.ts'),
    import('../platform/files/files.ts'),
  ]);
  return startFacts({ config, hasHttpToken: hasHttpToken || unitWithHttpToken() !== undefined, files: nodeFiles });
}

function configLines({ paint, io }: Context, config: Config, hasToken: boolean): string[] {
  const { localHours } = config.limits;
  const now = io.clock.now();
  const name =
    config.source === null
      ? 'no configuration file found: using the built-in defaults'
      : `${escapeForTerminal(config.source)} is valid`;
  return [
    paint('green', name),
    ...config.folders.flatMap(folder => [
      '',
      `drop into    ${escapeForTerminal(folder.inbox)}`,
      `results in   ${escapeForTerminal(folder.outbox)}`,
      `originals    ${originals(folder)}`,
      ...rulesOf(folder, config).map(
        (rule, i) => `${i === 0 ? 'rules        ' : '             '}${ruleLine(rule, config)}`,
      ),
    ]),
    ...config.libraries.flatMap(library => [
      '',
      `library      ${escapeForTerminal(library.library)}, worked on in place once "shrinkbox library start" has confirmed its plan`,
      `originals    ${library.archive === undefined ? 'REPLACED: nothing is left of them' : `archived in ${escapeForTerminal(library.archive)}`}`,
      ...rulesOf(asFolder(library), config).map(
        (rule, i) => `${i === 0 ? 'rules        ' : '             '}${ruleLine(rule, config)}`,
      ),
    ]),
    '',
    `state        ${escapeForTerminal(config.stateDir)}`,
    `web page     ${webPage(config, hasToken)}`,
    ...config.after.map(({ run, on }) => `runs         ${escapeForTerminal(run[0] ?? '')} after ${on.join(', ')}`),
    ...(localHours
      ? [`encodes at   ${formatHours(localHours)}, time zone ${timeZone()} (now ${formatTime(now).slice(11, 16)})`]
      : []),
  ];
}

function webPage({ http: { listen, publicUrl } }: Config, hasToken: boolean): string {
  if (listen === 'off') return 'off';
  const address = `${escapeForTerminal(listen.host)}:${listen.port}`;
  const reached = publicUrl === undefined ? '' : `, reached at ${escapeForTerminal(publicUrl)}`;
  return `${address}${reached}${hasToken ? '' : ' (open to every user of this machine: no http.token_file)'}`;
}

function originals(folder: Folder): string {
  if (folder.originals === 'keep') return 'stay where they are';
  if (folder.originals === 'delete') return 'are deleted after delivery';
  const days = folder.archiveDays === undefined ? '' : `, deleted after ${folder.archiveDays} days`;
  return `are moved to ${escapeForTerminal(folder.archive ?? '')}${days}`;
}

function sizeOf(size: NonNullable<Rule['size']>): string {
  if (size.kind === 'bytes') return `at most ${formatBytes(size.bytes)}`;
  return size.kind === 'share' ? `at most ${Math.round(size.share * 1000) / 10} % of the original` : '';
}

/** How a size is meant, where that is not the usual. */
function looksOf({ floor, belowFloor }: Pick<Rule, 'floor' | 'belowFloor'>): string {
  if (floor === 'any') return ' no matter how it looks';
  if (belowFloor === 'keep-quality') return ` where that looks ${floor}`;
  return floor === 'good' ? ' if that looks good' : '';
}

/** `mail (*.mov): at most 25 MB, at most 720p, engine nemo`. */
export function ruleLine(rule: Rule, config: Pick<Config, 'engine'>): string {
  const match = rule.match.join(', ');
  const name = `${escapeForTerminal(rule.name)}${match === '**' ? '' : ` (${escapeForTerminal(match)})`}`;
  if (rule.skip) return `${name}: skipped`;
  const parts = [
    rule.size === undefined ? '' : `${sizeOf(rule.size)}${looksOf(rule)}`,
    rule.resolution === 'keep' ? '' : `at most ${formatResolution(rule.resolution)}`,
    rule.fps === undefined ? '' : `at most ${rule.fps} frames per second`,
    rule.audio.kind === 'mute' ? 'without sound' : '',
    rule.instruction === undefined ? '' : `"${escapeForTerminal(rule.instruction)}"`,
    `engine ${rule.engine ?? config.engine}`,
  ];
  return `${name}: ${parts.filter(part => part !== '').join(', ')}`;
}
