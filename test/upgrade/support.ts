/** State directories, identities and configurations written by 0.1.0 (test/fixtures/0.1.0/README.md), and how to hold a reading against them. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { decodeRecord, encodeRecord, type JournalRecord } from '../../src/journal/records.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/0.1.0');

/** Where the fixtures say that everything lies. */
export const FIXTURE_ROOT = '/srv/videos';

export function namesIn(...parts: string[]): string[] {
  return readdirSync(join(FIXTURES, ...parts)).sort();
}

export function fixtureText(...parts: string[]): string {
  return readFileSync(join(FIXTURES, ...parts), 'utf8');
}

export function fixtureJson(...parts: string[]): unknown {
  return JSON.parse(fixtureText(...parts));
}

/** A copy of a fixture that may be changed; gone after the test. */
export function copyOf(...parts: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'shrinkbox-upgrade-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(join(FIXTURES, ...parts), dir, { recursive: true });
  return dir;
}

/** The whole records of a journal directory, in order; what a crash tore is left out. */
export function recordsIn(journalDir: string): JournalRecord[] {
  return segmentsIn(journalDir).flatMap(path => linesOf(path).flatMap(line => recordOf(line) ?? []));
}

/** Writes every record of a journal anew, with a checksum that fits what `change` made of it. */
export function rewriteJournal(journalDir: string, change: (record: JournalRecord) => JournalRecord): void {
  for (const path of segmentsIn(journalDir)) {
    const lines = linesOf(path).map(line => {
      const record = recordOf(line);
      return record === undefined ? line : encodeRecord(change(record)).trimEnd();
    });
    writeFileSync(path, `${lines.join('\n')}\n`);
  }
}

function segmentsIn(journalDir: string): string[] {
  const names = readdirSync(journalDir).filter(name => name.endsWith('.jsonl'));
  return names.sort().map(name => join(journalDir, name));
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').filter(Boolean);
}

function recordOf(line: string): JournalRecord | undefined {
  const decoded = decodeRecord(Buffer.from(line));
  return decoded.kind === 'record' ? decoded.record : undefined;
}

/**
 * Where `actual` says something else than `expected`, one line each. A field that 0.1.0 did not have in such a place is no difference;
 * `known` holds the places of the fields it had (placesOf), so that one that should have gone is found.
 */
export function differences(expected: unknown, actual: unknown, known: ReadonlySet<string>, at = ''): string[] {
  if (!isContainer(expected) || !isContainer(actual)) {
    return Object.is(expected, actual) ? [] : [`${at}: ${JSON.stringify(expected)} became ${JSON.stringify(actual)}`];
  }
  if (Array.isArray(expected) && (!Array.isArray(actual) || actual.length !== expected.length)) {
    return [`${at}: a list of ${expected.length} became ${JSON.stringify(actual)}`];
  }
  const place = placeOf(at);
  const added = Object.keys(actual).filter(key => !(key in expected) && actual[key] !== undefined);
  return [
    ...Object.entries(expected).flatMap(([key, value]) => differences(value, actual[key], known, `${at}/${key}`)),
    ...added.filter(key => known.has(`${place}/${key}`)).map(key => `${at}/${key}: was not there`),
  ];
}

/** Every place in `value` where a field stands, list positions aside. */
export function placesOf(value: unknown, at = ''): string[] {
  if (!isContainer(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = placeOf(`${at}/${key}`);
    return [place, ...placesOf(inner, place)];
  });
}

function placeOf(at: string): string {
  return at.replaceAll(/\/\d+(?=\/|$)/g, '/*');
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
