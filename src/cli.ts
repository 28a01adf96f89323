#!/usr/bin/env node
/** The only executable. Reads the command line, runs one command, and turns whatever came of it into an exit code. */
import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { defineActions } from './commands/job-actions.ts';
import { defineCheck } from './commands/check.ts';
import { defineCloud } from './commands/cloud.ts';
import { defineCompletion } from './commands/completion.ts';
import { defineCompress } from './commands/compress.ts';
import {
  type Action,
  Context,
  type Define,
  type Globals,
  type Io,
  type Output,
  type Parts,
} from './commands/support/context.ts';
import { defineDemo } from './commands/demo.ts';
import { defineDoctor } from './commands/doctor/index.ts';
import { EXIT, EXIT_CODES, exitCodeFor } from './commands/support/exit-codes.ts';
import { defineExplain } from './commands/explain.ts';
import { defineInit } from './commands/init.ts';
import { defineJob } from './commands/job.ts';
import { defineJobs } from './commands/jobs.ts';
import { defineNotifyTest } from './commands/notify-test.ts';
import { tell, tellJson } from './commands/support/error-output.ts';
import { defineRun } from './commands/run.ts';
import { defineService } from './commands/service/command.ts';
import { defineStatus } from './commands/status.ts';
import { safe, safeJson } from './commands/support/terminal.ts';
import { defineTurns } from './commands/pause.ts';
import { ShrinkError } from './core/errors.ts';
import { version } from './platform/package.ts';
import { systemClock } from './platform/clock.ts';
import { callsUnderWay } from './platform/files/calls-under-way.ts';

/** In the order of `--help`. */
const COMMANDS: readonly Define[] = [
  defineRun,
  defineCompress,
  defineStatus,
  defineJobs,
  defineJob,
  defineExplain,
  defineActions,
  defineTurns,
  defineCheck,
  defineDoctor,
  defineInit,
  defineNotifyTest,
  defineService,
  defineCompletion,
  defineDemo,
  defineCloud,
];

/** Runs one command line (without node and script) and resolves with the exit code; everything is said by then. */
export async function main(argv: readonly string[], io: Io, parts: Parts = realParts): Promise<number> {
  let code: number = EXIT.fine;
  const program = createProgram(io, run => async (...args) => {
    // commander hands over arguments, options, and the command itself.
    const command = args.at(-1) as Command;
    const globals = command.optsWithGlobals<Globals>();
    const context = new Context({ io, parts, version: version(), globals });
    code = await run(context, ...(args.slice(0, -1) as never));
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.fine;
    const known = error instanceof CommanderError ? usage(error) : error;
    const lines = wantsJson(argv) ? [safeJson(tellJson(known), 0)] : tell(known);
    io.stderr.write(`${lines.join('\n')}\n`);
    return exitCodeFor(known);
  }
}

function createProgram(io: Io, action: Action): Command {
  const program = new Command('shrinkbox')
    .description('Makes dropped videos smaller: watches inboxes, delivers to outboxes.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .option(
      '--config <file>',
      'the configuration (default: $SHRINKBOX_CONFIG, ./config.yaml, ~/.config/shrinkbox/, /etc/shrinkbox/)',
    )
    .option('--json', 'answers for programs, and errors too')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    // Errors are told in one place, in `main`; only help and version are written from here.
    .configureOutput({ writeOut: text => io.stdout.write(text), writeErr: () => {}, getOutHasColors: () => false })
    .addHelpText('after', exitCodeHelp());
  for (const define of COMMANDS) define(program, action);
  program.helpCommand('help [command]', 'print this, or the help of a command');
  return program;
}

function exitCodeHelp(): string {
  const lines = EXIT_CODES.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`);
  return `\nExit codes:\n${lines.join('\n')}`;
}

/** commander's `error: unknown option '--foo'\n(Did you mean --bar?)` as one of our errors. */
function usage(error: CommanderError): ShrinkError {
  if (error.code === 'commander.help') return new ShrinkError('usage', 'a command is missing', { hint: ALL_COMMANDS });
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const hint = rest
    .join(' ')
    .replace(/^\((.*)\)$/, '$1')
    .trim();
  return new ShrinkError('usage', safe(first), { hint: hint || ALL_COMMANDS });
}

const ALL_COMMANDS = 'shrinkbox --help lists the commands and options.';

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? argv.length : end).includes('--json');
}

/** Each loads its code when it is first called. */
const realParts: Parts = {
  startDaemon: async options => (await import('./app/daemon.ts')).startDaemon(options),
  compressFiles: async options => (await import('./app/one-shot.ts')).compressFiles(options),
  openCloud: async context => (await import('./commands/cloud-desk.ts')).openCloud(context),
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
 * A standard stream. `shrinkbox jobs | head` closes its pipe early: no reason to complain, nor for a daemon to end. A disk
 * that is full is none for a daemon either; `lost` says that not all was written.
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
    // Writing on would only fail again.
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

if (isStarted()) {
  const { stdout, stderr, env } = process;
  const streams = { stdout: outputOf(stdout), stderr: outputOf(stderr) };
  const io: Io = { ...streams, env, cwd: process.cwd(), home: homedir(), clock: systemClock, signals: process };
  let code = await main(process.argv.slice(2), io);
  const written = (stream: NodeJS.WriteStream) => new Promise(done => stream.write('', done));
  await written(stdout);
  if (code === EXIT.fine && streams.stdout.lost !== undefined) {
    streams.stderr.write(`shrinkbox: not all of the answer could be written: ${streams.stdout.lost}\n`);
    code = EXIT.unexpected;
  }
  await written(stderr);
  // Node would wait for threads that wait for a share that hangs. systemd takes this signal for an ordinary end.
  if (callsUnderWay() > 0) process.kill(process.pid, code === EXIT.fine ? 'SIGTERM' : 'SIGKILL');
  process.exit(code);
}
