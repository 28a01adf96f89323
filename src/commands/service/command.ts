/** `service`: prints, installs and removes a systemd unit for this configuration. */
import { execFile } from 'node:child_process';
import { access, constants, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config/load.ts';
import { ShrinkError } from '../../core/errors.ts';
import { type BuiltUnit, buildUnit, MARK } from './unit.ts';
import type { Context, Define } from '../support/context.ts';
import { fileErrorOf } from '../support/error-output.ts';
import { EXIT } from '../support/exit-codes.ts';
import { escapeForTerminal } from '../../core/escape.ts';

interface ServiceOptions {
  user?: boolean;
  name: string;
  runAs: string;
  /** The folder the unit is written to; by default where systemd looks for it. */
  into?: string;
  start?: boolean;
  /** Whether the page is opened to the network, and the address people type. */
  lan?: true | string;
}

export const defineService: Define = (program, action) => {
  const service = program.command('service').description('run this configuration as a systemd service');
  const common = (name: string, description: string) =>
    service
      .command(name)
      .description(description)
      .option('--user', 'a service of your user instead of one of the system')
      .option('--name <name>', 'the name of the unit', 'shrinkbox');
  const unit = (name: string, description: string) =>
    common(name, description).option('--run-as <user>', 'the user and group a system service runs as', 'shrinkbox');
  unit('print', 'print the unit for this configuration').action(
    action((context, options: ServiceOptions) => print(context, options)),
  );
  unit('install', 'write the unit, enable it and start it')
    .option('--into <dir>', 'write the unit to this folder instead of where systemd looks for it')
    .option('--no-start', 'write the unit only')
    .option(
      '--lan [url]',
      'also open the page to your network, as `shrinkbox init --lan` does, and show a QR code for a phone',
    )
    .action(action((context, options: ServiceOptions) => install(context, options)));
  common('uninstall', 'stop and remove the service; configuration, state and folders stay')
    .option('--into <dir>', 'the folder it was written to')
    .action(action((context, options: ServiceOptions) => uninstall(context, options)));
};

async function print(context: Context, options: ServiceOptions): Promise<number> {
  const { text, remarks } = await build(options, await context.loadConfig());
  context.io.stdout.write(text);
  for (const remark of remarks) context.printErr(escapeForTerminal(remark));
  return EXIT.fine;
}

async function install(context: Context, options: ServiceOptions): Promise<number> {
  const { config, said } = await configFor(context, options);
  const { httpToken } = await context.loadSecrets(config);
  const { text, remarks } = await build(options, config);
  const path = join(unitDir(context, options), `${unitName(options)}.service`);
  await isOurUnit(path);
  if (!options.user && !options.into) await requireSystemUser(context, options.runAs);
  try {
    await mkdir(unitDir(context, options), { recursive: true });
    await writeFile(path, text);
  } catch (error) {
    throw await fileErrorOf(error, `writing ${path}`, path, ROOT_HINT);
  }
  const lines = [...said, `wrote ${path}`, ...remarks];
  if (options.start !== false) {
    await systemctl(context, options, 'daemon-reload');
    await systemctl(context, options, 'enable', `${unitName(options)}.service`);
    // A service that runs already must pick up the new unit.
    await systemctl(context, options, 'restart', `${unitName(options)}.service`);
    const userFlag = options.user ? '--user ' : '';
    lines.push(`enabled and started; see its state with: systemctl ${userFlag}status ${unitName(options)}`);
  }
  if (options.user) lines.push('To keep it running while you are logged out: loginctl enable-linger');
  printResult(context, { unit: path, remarks }, lines);
  if (options.lan === undefined || !httpToken || context.json) return EXIT.fine;
  const { linkLines, linkWith } = await import('../support/page-link.ts');
  for (const line of linkLines(context, linkWith(httpToken, config, context.io.clock.now()))) context.print(line);
  return EXIT.fine;
}

/** The configuration, with its page opened to the network where that is asked for. */
async function configFor(context: Context, { lan, user, runAs }: ServiceOptions) {
  const config = await context.loadConfig();
  if (lan === undefined) return { config, said: [] };
  if (config.source === null) {
    throw new ShrinkError('usage', 'there is no configuration file whose page could be opened', {
      hint: '`shrinkbox init` writes one; then give its path with --config.',
    });
  }
  const { openToNetwork } = await import('../support/lan.ts');
  const owner = user ? undefined : Number(await runTool(context, 'id', ['-u', runAs]));
  return openToNetwork(context, config.source, { url: lan === true ? undefined : lan, owner });
}

async function uninstall(context: Context, options: ServiceOptions): Promise<number> {
  const path = join(unitDir(context, options), `${unitName(options)}.service`);
  if (!(await isOurUnit(path)))
    throw new ShrinkError('usage', `${path} does not exist`, { hint: 'Give the name of the unit with --name.' });
  await systemctl(context, options, 'disable', '--now', `${unitName(options)}.service`);
  try {
    await rm(path);
  } catch (error) {
    throw await fileErrorOf(error, `removing ${path}`, path, ROOT_HINT);
  }
  await systemctl(context, options, 'daemon-reload');
  // A failed unit would stay listed after it is removed; for any other this call fails, which does not matter.
  await systemctl(context, options, 'reset-failed', `${unitName(options)}.service`).catch(() => {});
  const lines = [`stopped and removed ${path}`, 'Configuration, state and folders were not changed.'];
  return printResult(context, { unit: path, remarks: [] }, lines);
}

function printResult(context: Context, result: { unit: string; remarks: string[] }, lines: string[]): number {
  if (context.json) context.printJson(result);
  else for (const line of lines) context.print(escapeForTerminal(line));
  return EXIT.fine;
}

async function build(options: ServiceOptions, config: Config): Promise<BuiltUnit> {
  const template = await readFile(TEMPLATE, 'utf8');
  const kind = options.user ? 'user' : 'system';
  return buildUnit({ template, config, command: command(), kind, name: unitName(options), user: options.runAs });
}

/** Beside package.json, three folders up in both src and dist. */
const TEMPLATE = fileURLToPath(new URL('../../../systemd/shrinkbox.service', import.meta.url));

/** The program that writes the unit, whatever PATH says when the service starts. */
function command(): string[] {
  return [process.execPath, fileURLToPath(new URL('../../cli.js', import.meta.url))];
}

function unitName({ name }: ServiceOptions): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,60}$/.test(name)) return name.replace(/\.service$/, '');
  throw new ShrinkError('usage', `"${name}" cannot be the name of a unit`, {
    hint: 'Use letters, digits, dots, hyphens and underscores; start with a letter or digit.',
  });
}

function unitDir({ io }: Context, { user, into }: ServiceOptions): string {
  if (into !== undefined) return into;
  if (!user) return '/etc/systemd/system';
  return join(io.env.XDG_CONFIG_HOME || join(io.home, '.config'), 'systemd/user');
}

const ROOT_HINT = 'Run it with sudo, or add --user for a service of your own.';

/** Whether shrinkbox wrote this unit; false where there is none. @throws ShrinkError `usage` when somebody else wrote it. */
async function isOurUnit(path: string): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw await fileErrorOf(error, `reading ${path}`, path, ROOT_HINT);
  }
  if (text.startsWith(MARK)) return true;
  throw new ShrinkError('usage', `${path} was not written by \`shrinkbox service install\` and was not changed`, {
    hint: 'Move it away first, or choose another --name.',
  });
}

/** @throws ShrinkError where we may not install, or where the user does not exist. */
async function requireSystemUser(context: Context, user: string): Promise<void> {
  await access('/etc/systemd/system', constants.W_OK).catch(async error => {
    throw await fileErrorOf(error, 'installing a system service', '/etc/systemd/system', ROOT_HINT);
  });
  await runTool(context, 'id', ['-u', user]).catch(() => {
    throw new ShrinkError('usage', `there is no user ${user}`, {
      hint: `Create the user: useradd --system --home-dir /var/lib/${user} --shell /usr/sbin/nologin ${user} (or choose another with --run-as).`,
    });
  });
}

async function systemctl(context: Context, { user }: ServiceOptions, ...args: string[]): Promise<void> {
  await runTool(context, 'systemctl', [...(user ? ['--user'] : []), ...args]);
}

/** @returns what it printed */
function runTool(context: Context, program: string, args: string[]): Promise<string> {
  const { PATH, HOME, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS } = context.io.env;
  const env = { PATH, HOME, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS, LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, timeout: 180_000 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const said = stderr.trim().split('\n')[0] || error.message;
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      reject(
        new ShrinkError(
          missing ? 'unavailable' : 'io',
          missing ? `${program} is not installed` : `${program} ${args.join(' ')}: ${said}`,
          {
            doing: 'setting up the service',
            hint: missing
              ? 'This machine does not run systemd; `shrinkbox service print` still prints the unit.'
              : undefined,
            cause: error,
          },
        ),
      );
    });
  });
}
