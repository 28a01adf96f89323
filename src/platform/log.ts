import { createRequire } from 'node:module';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import type { PrettyOptions } from 'pino-pretty';
import { escapeForTerminal, escapeJsonText } from '../core/escape.ts';
import { linesOf } from './log-lines.ts';

/** Structured logging; messages are short past-tense facts, data goes into fields. */
export type Logger = Pick<PinoLogger, 'level' | 'fatal' | 'error' | 'warn' | 'info' | 'debug'> & {
  child(bindings: Record<string, unknown>): Logger;
};

/** Field names that may hold a secret anywhere in a log record; their values never reach a log. */
const SECRET_FIELDS = ['token', 'authorization', 'Authorization', 'secret', 'password', 'cookie', 'headers'];

export interface LogOptions {
  level: string;
  /** `auto`: readable on a terminal, JSON otherwise. */
  format: 'auto' | 'json' | 'pretty';
  /** Where records go; stderr by default, because stdout is for answers. */
  stream?: DestinationStream & { isTTY?: boolean; columns?: number };
}

export function createLogger(options: LogOptions): Logger {
  const { pino, stdTimeFunctions } = pinoLibrary();
  const stream = options.stream ?? process.stderr;
  const readable = options.format === 'pretty' || (options.format === 'auto' && stream.isTTY === true);
  const settings = {
    level: options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: SECRET_FIELDS.flatMap(name => [name, `*.${name}`, `*.*.${name}`]), censor: '[secret]' },
  };
  const destination = options.stream ?? standardError();
  if (!readable) return pino(settings, through(destination, escapeJsonText));
  // Loaded only here: forty modules that a service with a JSON log never needs.
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');
  const lines = pretty({
    ...(stream.isTTY === true ? onTerminal(() => stream.columns || 80) : READABLE),
    colorize: stream.isTTY === true,
    destination: destination as NodeJS.WritableStream,
  });
  return pino(settings, through(lines, withSafeTexts));
}

/** Names of files come from anybody: nothing in a record may move a cursor, begin a line or turn around what follows. */
function through(destination: { write(line: string): unknown }, change: (line: string) => string): DestinationStream {
  return { write: line => void destination.write(change(line)) };
}

/** For people a character is shown as its escape: the record's own layout, colours too, comes after this. */
function withSafeTexts(line: string): string {
  const safe = JSON.stringify(JSON.parse(line), (key, value: unknown) => {
    if (typeof value !== 'string') return value;
    return key === 'stack' ? value.split('\n').map(escapeForTerminal).join('\n') : escapeForTerminal(value);
  });
  return `${safe}\n`;
}

/** One line a record: time, level, job and file, what happened, and the rest in brackets. */
const READABLE = {
  sync: true,
  singleLine: true,
  translateTime: 'SYS:HH:MM:ss',
  ignore: 'pid,hostname,job,file,state',
  messageFormat: '{if job}{job} {end}{if file}{file} {end}{msg}',
};

/** The details below, in lines as wide as the terminal is now. */
function onTerminal(columns: () => number): PrettyOptions {
  const messageFormat: PrettyOptions['messageFormat'] = (record, _key, _level, { colors }) =>
    linesOf(record, { columns: columns(), dim: colors.gray });
  return { sync: true, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname', hideObject: true, messageFormat };
}

/** A full or missing log disk does not stop the work: up to MAX_BUFFERED characters are kept and written later. */
function standardError(): DestinationStream {
  const destination = pinoLibrary().destination({ fd: 2, sync: true, maxLength: MAX_BUFFERED });
  destination.on('error', () => {});
  return destination;
}

const MAX_BUFFERED = 1_000_000;

/** Commands that answer and end have no log, and need not load this. */
function pinoLibrary(): typeof import('pino') {
  return createRequire(import.meta.url)('pino') as typeof import('pino');
}

const nothing = () => {};

/** For tests and one-shot commands. */
export const silentLogger: Logger = {
  level: 'silent',
  ...{ fatal: nothing, error: nothing, warn: nothing, info: nothing, debug: nothing },
  child: () => silentLogger,
};
