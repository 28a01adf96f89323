/** `service`: this configuration as a systemd service, of the system or of a user. */
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
import { safe } from '../support/terminal.ts';

interface ServiceOptions {
  user?: boolean;
  name: string;
  runAs: string;
  /** Where the unit is written; the manager's own place unless told otherwise. */
  into?: string;
  start?: boolean;
}

export const defineService: Define = (program, action) => {
  const service = program.command('service').description('this configuration as a systemd service');
  const common = (name: string, description: string) =>
    service
      .command(name)
      .description(description)
      .option('--user', 'for your own systemd, not the one of the system')
      .option('--name <name>', 'name of the unit', 'shrinkbox');
  const unit = (name: string, description: string) =>
    common(name, description).option('--run-as <user>', 'user and group of a system service', 'shrinkbox');
  unit('print', 'print the unit, for this configuration').action(
    action((context, options: ServiceOptions) => print(context, options)),
  );
  unit('install', 'write the unit, enable and start it')
    .option('--into <dir>', 'write the unit there instead of where systemd looks for it')
    .option('--no-start', 'only write it')
    .action(action((context, options: ServiceOptions) => install(context, options)));
  common('uninstall', 'stop and remove the unit; configuration, state and folders stay')
    .option('--into <dir>', 'where it was written to')
    .action(action((context, options: ServiceOptions) => uninstall(context, options)));
};

async function print(context: Context, options: ServiceOptions): Promise<number> {
  const { text, remarks } = await build(options, await context.loadConfig());
  context.io.stdout.write(text);
  for (const remark of remarks) context.say(safe(remark));
  return EXIT.fine;
}

async function install(context: Context, options: ServiceOptions): Promise<number> {
  const config = await context.loadConfig();
  await context.loadSecrets(config);
  const { text, remarks } = await build(options, config);
  const path = join(unitDir(context, options), `${unitName(options)}.service`);
  await mustBeOurs(path);
  if (!options.user && !options.into) await mustExist(context, options.runAs);
  try {
    await mkdir(unitDir(context, options), { recursive: true });
    await writeFile(path, text);
  } catch (error) {
    throw await fileErrorOf(error, `writing ${path}`, path, ROOT_HINT);
  }
  const said = [`wrote ${path}`, ...remarks];
  if (options.start !== false) {
    await systemctl(context, options, 'daemon-reload');
    await systemctl(context, options, 'enable', `${unitName(options)}.service`);
    // A unit that runs already is to run by the new text.
    await systemctl(context, options, 'restart', `${unitName(options)}.service`);
    said.push(
      `enabled and started; look at it with: systemctl ${options.user ? '--user ' : ''}status ${unitName(options)}`,
    );
  }
  if (options.user) said.push('To have it run while you are not logged in: loginctl enable-linger');
  return tell(context, { unit: path, remarks }, said);
}

async function uninstall(context: Context, options: ServiceOptions): Promise<number> {
  const path = join(unitDir(context, options), `${unitName(options)}.service`);
  if (!(await mustBeOurs(path)))
    throw new ShrinkError('usage', `there is no ${path}`, { hint: 'Name it with --name.' });
  await systemctl(context, options, 'disable', '--now', `${unitName(options)}.service`);
  try {
    await rm(path);
  } catch (error) {
    throw await fileErrorOf(error, `removing ${path}`, path, ROOT_HINT);
  }
  await systemctl(context, options, 'daemon-reload');
  // One that had failed would stay in the list as a ghost; for any other there is nothing to reset.
  await systemctl(context, options, 'reset-failed', `${unitName(options)}.service`).catch(() => {});
  const said = [`stopped and removed ${path}`, 'Configuration, state and folders are as they were.'];
  return tell(context, { unit: path, remarks: [] }, said);
}

function tell(context: Context, facts: { unit: string; remarks: string[] }, said: string[]): number {
  if (context.json) context.printJson(facts);
  else for (const line of said) context.print(safe(line));
  return EXIT.fine;
}

async function build(options: ServiceOptions, config: Config): Promise<BuiltUnit> {
  const template = await readFile(TEMPLATE, 'utf8');
  const kind = options.user ? 'user' : 'system';
  return buildUnit({ template, config, command: command(), kind, name: unitName(options), user: options.runAs });
}

/** Beside package.json, two folders up from here in the sources and in dist alike. */
const TEMPLATE = fileURLToPath(new URL('../../../systemd/shrinkbox.service', import.meta.url));

/** This very program: whatever PATH says when the service starts, it is the one that wrote the unit. */
function command(): string[] {
  return [process.execPath, fileURLToPath(new URL('../../cli.js', import.meta.url))];
}

function unitName({ name }: ServiceOptions): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,60}$/.test(name)) return name.replace(/\.service$/, '');
  throw new ShrinkError('usage', `${name} is no name for a unit`, { hint: 'Use letters, digits, dots, - and _.' });
}

function unitDir({ io }: Context, { user, into }: ServiceOptions): string {
  if (into !== undefined) return into;
  if (!user) return '/etc/systemd/system';
  return join(io.env.XDG_CONFIG_HOME || join(io.home, '.config'), 'systemd/user');
}

const ROOT_HINT = 'Run it with sudo, or for your own systemd with --user.';

/** False when there is nothing. @throws ShrinkError usage when somebody else wrote what is there. */
async function mustBeOurs(path: string): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw await fileErrorOf(error, `reading ${path}`, path, ROOT_HINT);
  }
  if (text.startsWith(MARK)) return true;
  throw new ShrinkError('usage', `${path} was not made by shrinkbox service install, and is left as it is`, {
    hint: 'Move it away first, or choose another --name.',
  });
}

async function mustExist(context: Context, user: string): Promise<void> {
  await access('/etc/systemd/system', constants.W_OK).catch(async error => {
    throw await fileErrorOf(error, 'installing a system service', '/etc/systemd/system', ROOT_HINT);
  });
  await tool(context, 'id', ['-u', user]).catch(() => {
    throw new ShrinkError('usage', `there is no user ${user}`, {
      hint: `Make one: useradd --system --home-dir /var/lib/${user} --shell /usr/sbin/nologin ${user} (or name another with --run-as).`,
    });
  });
}

async function systemctl(context: Context, { user }: ServiceOptions, ...args: string[]): Promise<void> {
  await tool(context, 'systemctl', [...(user ? ['--user'] : []), ...args]);
}

function tool(context: Context, program: string, args: string[]): Promise<void> {
  const { PATH, HOME, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS } = context.io.env;
  const env = { PATH, HOME, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS, LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, timeout: 180_000 }, (error, _, stderr) => {
      if (!error) return resolve();
      const said = stderr.trim().split('\n')[0] || error.message;
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      reject(
        new ShrinkError(
          missing ? 'unavailable' : 'io',
          missing ? `there is no ${program} here` : `${program} ${args.join(' ')}: ${said}`,
          {
            doing: 'setting up the service',
            hint: missing
              ? 'This machine does not run systemd; "shrinkbox service print" still shows the unit.'
              : undefined,
            cause: error,
          },
        ),
      );
    });
  });
}
