/** Rows as lines for a terminal. Pure. */
import type { Row } from './trial.ts';

const WIDTHS = { name: 34, asked: 10, route: 12, size: 16, frames: 9, length: 9, sync: 9, colours: 7, channels: 10 };

export const HEAD = line({
  ...{ name: 'name', asked: 'asked', route: 'route', size: 'size', frames: 'frames', length: 'length', sync: 'sync' },
  ...{ colours: 'colours', channels: 'channels', inventory: 'inventory', verdict: 'verdict' },
});

type Cells = Record<keyof typeof WIDTHS | 'inventory' | 'verdict', string>;

function line(cells: Cells): string {
  const fixed = Object.entries(WIDTHS).map(([column, width]) => cells[column as keyof typeof WIDTHS].padEnd(width));
  return `${fixed.join(' ')} ${cells.inventory.padEnd(10)} ${cells.verdict}`;
}

/** A line for the row, and below it what is wrong or why it was refused. */
export function linesOf(row: Row): string[] {
  const { frames = '-', length = '-', sync = '-', colours = '-', channels = '-', inventory = '-' } = row.shown;
  const name = row.name.length > WIDTHS.name ? `…${row.name.slice(1 - WIDTHS.name)}` : row.name;
  const verdict = row.verdict === 'wrong' ? 'WRONG' : row.verdict;
  return [
    line({
      ...{ name, asked: row.asked, route: row.route, size: sizes(row), frames, length, sync, colours, channels },
      ...{ inventory, verdict },
    }),
    ...row.wrong.map(({ column, text }) => `    ${column}: ${text}`),
    ...(row.reason === undefined
      ? []
      : [`    ${row.reason}${row.decodes ? ' (ffmpeg decodes it without a complaint)' : ''}`]),
  ];
}

function sizes({ askedBytes, bytes }: Row): string {
  return [askedBytes, bytes].map(size => (size === undefined ? '-' : kilobytes(size))).join(' > ');
}

function kilobytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)}k` : `${(bytes / 1e6).toFixed(2)}M`;
}

export function summaryOf(rows: readonly Row[]): string {
  const count = (verdict: Row['verdict']) => rows.filter(row => row.verdict === verdict).length;
  const odd = rows.filter(({ decodes, verdict }) => decodes && verdict === 'refused').length;
  return [
    `${rows.length} trials: ${count('ok')} ok, ${count('refused')} refused with a sentence, ${count('wrong')} wrong`,
    ...(odd > 0 ? [`${odd} of the refused decode without a complaint: read their sentences`] : []),
  ].join('\n');
}
