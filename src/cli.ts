#!/usr/bin/env node
/** The only executable: reads the command line, runs one command, and turns its outcome into an exit code. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { type Action, Context, type Define, type Globals, type Io, type Parts } from './commands/support/context.ts';
import { errorAsJson, errorLines, withoutShortage } from './commands/support/error-output.ts';
import { EXIT, EXIT_CODES, exitCodeFor } from './commands/support/exit-codes.ts';
import { asTyped, type Output } from './commands/support/terminal.ts';
import { ShrinkError } from './core/errors.ts';
import { escapeForTerminal, escapeJsonForTerminal } from './core/escape.ts';
import { systemClock } from './platform/clock.ts';
import { callsUnderWay } from './platform/files/calls-under-way.ts';
import { version } from './platform/package.ts';
import { homeFolder } from './platform/user.ts';

/** The commands in the order of `--help`, by the file that defines them: only the file of the requested command is loaded. */
const COMMANDS: readonly (readonly [names: readonly string[], load: () => Promise<Define>])[] = [
  [['run'], async () => (await import('./commands/run.ts')).defineRun],
  [['compress'], async () => (await import('./commands/compress.ts')).defineCompress],
  [['status'], async () => (await import('./commands/status/command.ts')).defineStatus],
  [['jobs', 'job', 'archive'], async () => (await import('./commands/jobs.ts')).defineJobs],
  [['explain'], async () => (await import('./commands/explain.ts')).defineExplain],
  [['library'], async () => (await import('./commands/library.ts')).defineLibrary],
  [
    ['retry', 'cancel', 'dismiss', 'undo', 'forget', 'restore', 'move'],
    async () => (await import('./commands/job-actions.ts')).defineJobActions,
  ],
  [['pause', 'resume', 'drain', 'order'], async () => (await import('./commands/pause.ts')).definePause],
  [['link'], async () => (await import('./commands/link.ts')).defineLink],
  [['healthcheck'], async () => (await import('./commands/healthcheck.ts')).defineHealthcheck],
  [['check'], async () => (await import('./commands/check.ts')).defineCheck],
  [['doctor'], async () => (await import('./commands/doctor/index.ts')).defineDoctor],
  [['init'], async () => (await import('./commands/init.ts')).defineInit],
  [['notify-test'], async () => (await import('./commands/notify-test.ts')).defineNotifyTest],
  [['service'], async () => (await import('./commands/service/command.ts')).defineService],
  [['completion', 'complete-ids'], async () => (await import('./commands/completion.ts')).defineCompletion],
  [['container'], async () => (await import('./commands/container.ts')).defineContainer],
  [['worker'], async () => (await import('./commands/worker.ts')).defineWorker],
  [['fleet'], async () => (await import('./commands/fleet.ts')).defineFleet],
  [['demo'], async () => (await import('./commands/demo.ts')).defineDemo],
  [['ask', 'credits', 'timeline', 'export', 'upload'], async () => (await import('./commands/cloud.ts')).defineCloud],
];

/** Runs one command line (without node and script) and resolves with the exit code; everything is printed by then. */
export async function main(argv: readonly string[], io: Io, parts: Parts = realParts): Promise<number> {
  // A bare name is a question.
  if (argv.length === 0) return main(['--help'], io, parts);
  let code: number = EXIT.fine;
  try {
    const program = await createProgram(argv, io, run => async (...args) => {
      // commander hands over arguments, options, and the command itself.
      const command = args.at(-1) as Command;
      const globals = command.optsWithGlobals<Globals>();
      const context = new Context({ io, parts, version: version(), globals });
      code = await run(context, ...(args.slice(0, -1) as never));
    });
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.fine;
    const known = error instanceof CommanderError ? usageError(error) : withoutShortage(error);
    const lines = wantsJson(argv)
      ? [escapeJsonForTerminal(errorAsJson(known), 0)]
      : errorLines(known).map(line => asTyped(line, io.env));
    io.stderr.write(`${lines.join('\n')}\n`);
    return exitCodeFor(known);
  }
}

async function createProgram(argv: readonly string[], io: Io, action: Action): Promise<Command> {
  const program = new Command('shrinkbox')
    .description('Watches inboxes for videos and delivers smaller ones to outboxes.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option(
      '--config <file>',
      'configuration file (default: $SHRINKBOX_CONFIG, ./config.yaml, ~/.config/shrinkbox/, /etc/shrinkbox/)',
    )
    .option('--json', 'print answers and errors as JSON')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    // Errors are printed in one place, in `main`; only help and version are written from here.
    .configureOutput({ writeOut: text => io.stdout.write(text), writeErr: () => {}, getOutHasColors: () => false })
    .addHelpText('after', exitCodeHelp());
  for (const define of await Promise.all(loadersFor(argv).map(load => load()))) define(program, action);
  program.helpCommand('help [command]', 'print this help, or that of a command');
  return program;
}

/** Help, completion and a misspelt command need every command; any other command line needs one, or none. */
function loadersFor(argv: readonly string[]): (() => Promise<Define>)[] {
  const name = commandIn(argv);
  if (name === undefined && argv.some(word => word === '--version' || word === '-V')) return [];
  const named = COMMANDS.find(([names]) => names.some(each => each === name));
  if (named && name !== 'completion') return [named[1]];
  return COMMANDS.map(([, load]) => load);
}

/** The first word that is neither an option nor the value of one. */
function commandIn(argv: readonly string[]): string | undefined {
  return argv.find((word, i) => !word.startsWith('-') && argv[i - 1] !== '--config');
}

function exitCodeHelp(): string {
  const lines = EXIT_CODES.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`);
  return `\nExit codes:\n${lines.join('\n')}`;
}

/** commander's `error: unknown option '--foo'\n(Did you mean --bar?)` as one of our errors. */
function usageError(error: CommanderError): ShrinkError {
  if (error.code === 'commander.help') return new ShrinkError('usage', 'a command is missing', { hint: SEE_HELP });
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const hint = rest
    .join(' ')
    .replace(/^\((.*)\)$/, '$1')
    .trim();
  return new ShrinkError('usage', escapeForTerminal(first), { hint: hint || SEE_HELP });
}

const SEE_HELP = '`shrinkbox --help` lists the commands and options.';

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? argv.length : end).includes('--json');
}

const realParts: Parts = {
  startDaemon: async options => (await import('./app/daemon.ts')).startDaemon(options),
  startWorker: async options => (await import('./app/worker.ts')).startWorker(options),
  compressFiles: async options => (await import('./app/one-shot.ts')).compressFiles(options),
  createCloudEngine: async options => (await import('./app/engines.ts')).createCloudEngine(options),
};

/** Whether this file was started, by its own name or by a link to it (npm makes one). */
function isStarted(): boolean {
  const script = process.argv[1];
  try {
    return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
  } catch {
    return false;
  }
}

/**
 * A standard stream. A reader that closes its pipe early (`shrinkbox jobs | head`) is no error, and a full disk must not end a
 * daemon; `lost` tells why not everything was written.
 */
function outputOf(stream: NodeJS.WriteStream): Output & { readonly lost: string | undefined } {
  let isRead = true;
  let lost: string | undefined;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') isRead = false;
    else lost = error.message;
  });
  return {
    get lost() {
      return lost;
    },
    // Further writes would only fail again.
    write: text => isRead && stream.write(text),
    get writable() {
      return isRead;
    },
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
    get rows() {
      return stream.rows;
    },
  };
}

/** Asked only by a command that needs it: `--help` works anywhere. @throws ShrinkError `gone`, `io` */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    const hint = 'Go to another folder, and try again.';
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new ShrinkError('gone', 'the folder you are in was deleted', { hint, cause });
    throw new ShrinkError('io', `cannot tell which folder you are in: ${message}`, { hint, cause });
  }
}

if (isStarted()) {
  // A trace in a bug report should point into src/. This covers what is loaded from here on: everything but this file's imports.
  process.setSourceMapsEnabled(true);
  const { stdout, stderr, env } = process;
  const streams = { stdout: outputOf(stdout), stderr: outputOf(stderr) };
  const io: Io = {
    ...streams,
    env,
    home: homeFolder(env),
    clock: systemClock,
    signals: process,
    get cwd() {
      return workingFolder();
    },
  };
  let code = await main(process.argv.slice(2), io);
  const written = (stream: NodeJS.WriteStream) => new Promise(done => stream.write('', done));
  await written(stdout);
  if (code === EXIT.fine && streams.stdout.lost !== undefined) {
    streams.stderr.write(`shrinkbox: could not write the whole answer: ${streams.stdout.lost}\n`);
    code = EXIT.unexpected;
  }
  await written(stderr);
  // Node would wait for its threads, and those wait for a share that hangs. To systemd, SIGTERM is an ordinary end.
  if (callsUnderWay() > 0) process.kill(process.pid, code === EXIT.fine ? 'SIGTERM' : 'SIGKILL');
  process.exit(code);
}
