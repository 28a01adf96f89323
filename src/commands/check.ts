import type { Config, Folder, Rule } from '../config/load.ts';
import { formatResolution } from '../core/target.ts';
import { formatBytes } from '../core/units.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { safe } from './support/terminal.ts';

export const defineCheck: Define = (program, action) => {
  program
    .command('check')
    .description('read the configuration and say what it means, or everything that is wrong with it')
    .option('--schema', 'print its JSON Schema, for editors')
    .action(
      action(async (context, options: { schema?: boolean }) => {
        if (options.schema) {
          const { jsonSchema } = await import('../config/schema.ts');
          context.printJson(jsonSchema());
          return EXIT.fine;
        }
        const config = await context.loadConfig();
        const { httpToken } = await context.loadSecrets(config);
        const { isLoopback } = await import('../config/loopback.ts');
        if (!httpToken && config.http.listen !== 'off' && !isLoopback(config.http.listen.host)) context.say(OPEN);
        if (context.json) context.printJson({ ok: true, ...config, notify: await withoutKeys(config.notify) });
        else for (const line of configLines(context, config)) context.print(line);
        return EXIT.fine;
      }),
    );
};

/** Webhook services put their keys into the address. */
async function withoutKeys(notify: Config['notify']): Promise<Config['notify']> {
  const { maskUrl } = await import('../config/redact.ts');
  return notify.map(each => ({ ...each, url: maskUrl(each.url) }));
}

/** A credential is seen by the service only, so this is no mistake by itself. */
const OPEN =
  'http.listen can be reached by other machines: the daemon will want http.token_file or the systemd credential http-token';

function configLines({ paint }: Context, config: Config): string[] {
  const name =
    config.source === null ? 'no configuration file found: the built-in defaults' : `${safe(config.source)} is fine`;
  return [
    paint('green', name),
    ...config.folders.flatMap(folder => [
      '',
      `drop into    ${safe(folder.inbox)}`,
      `results in   ${safe(folder.outbox)}`,
      `originals    ${originals(folder)}`,
      ...rulesOf(config, folder).map(
        (rule, i) => `${i === 0 ? 'rules        ' : '             '}${ruleLine(rule, config)}`,
      ),
    ]),
    '',
    `state        ${safe(config.stateDir)}`,
    `page         ${config.http.listen === 'off' ? 'off' : `${safe(config.http.listen.host)}:${config.http.listen.port}`}`,
  ];
}

function originals(folder: Folder): string {
  if (folder.originals === 'keep') return 'stay where they are';
  if (folder.originals === 'delete') return 'are deleted after delivery';
  const days = folder.archiveDays === undefined ? '' : `, deleted after ${folder.archiveDays} days`;
  return `are moved to ${safe(folder.archive ?? '')}${days}`;
}

/** The rules of a folder, in the folder's order. */
export function rulesOf(config: Pick<Config, 'rules'>, folder: Pick<Folder, 'rules'>): Rule[] {
  return folder.rules.flatMap(name => config.rules.filter(rule => rule.name === name));
}

/** `mail (*.mov): at most 25 MB, at most 720p, by nemo`. */
export function ruleLine(rule: Rule, config: Pick<Config, 'engine'>): string {
  const match = rule.match.join(', ');
  const name = `${safe(rule.name)}${match === '**' ? '' : ` (${safe(match)})`}`;
  if (rule.skip) return `${name}: left alone`;
  const asked = [
    rule.size?.kind === 'bytes' ? `at most ${formatBytes(rule.size.bytes)}` : '',
    rule.size?.kind === 'share' ? `at most ${Math.round(rule.size.share * 1000) / 10} % of the original` : '',
    rule.resolution === 'keep' ? '' : `at most ${formatResolution(rule.resolution)}`,
    rule.fps === undefined ? '' : `at most ${rule.fps} frames per second`,
    rule.audio.kind === 'mute' ? 'without sound' : '',
    rule.instruction === undefined ? '' : `"${safe(rule.instruction)}"`,
    `engine ${rule.engine ?? config.engine}`,
  ];
  return `${name}: ${asked.filter(part => part !== '').join(', ')}`;
}
