/** Tables of what was measured, and which of the issue's numbers were reached. Pure. */
import type { CandidateName } from './candidates.ts';
import { TARGETS } from './clips.ts';
import { referenceCpuS, type Row, type Scored } from './measure.ts';

/** Picture quality is "no worse" down to this much less SSIM: below it two encodes of one recipe differ as much. */
const SAME_SSIM = 0.001;

export function tables(rows: readonly Row[]): string {
  return TARGETS.flatMap(target => {
    const those = rows.filter(row => row.target === target);
    return those.length === 0 ? [] : [`\n### ${target}\n`, ...table(those)];
  }).join('\n');
}

function table(rows: readonly Row[]): string[] {
  const names = [...new Set(rows.flatMap(row => Object.keys(row.scored)))] as CandidateName[];
  const lines = [
    `| clip | asked, kB | ${names.map(name => `${name}: size; SSIM mean/worst 5 %${besides(rows)}; CPU s`).join(' | ')} | CPU / naive alike |`,
    `|---|---|${names.map(() => '---|').join('')}---|`,
  ];
  for (const row of rows) {
    const cells = names.map(name => cell(row, row.scored[name]));
    const ratio = cpuRatio(row);
    lines.push(
      `| ${row.clip} | ${(row.bytes / 1000).toFixed(0)} | ${cells.join(' | ')} | ${ratio === undefined ? '-' : `${ratio.toFixed(2)}${row.downsized ? ' (smaller picture)' : ''}`} |`,
    );
  }
  return lines;
}

function besides(rows: readonly Row[]): string {
  const has = (metric: 'xpsnr' | 'vmaf') => rows.some(row => Object.values(row.scored).some(made => made[metric]));
  return `${has('xpsnr') ? '; XPSNR' : ''}${has('vmaf') ? '; VMAF' : ''}`;
}

function cell(row: Row, made: Scored | undefined): string {
  if (!made) return '-';
  if (!made.path) return made.said.split(':')[0] ?? 'nothing';
  const size = made.bytes / row.bytes;
  const over = made.bytes > row.bytes ? '**' : '';
  const ssim = made.ssim ? `${made.ssim.mean.toFixed(4)}/${made.ssim.worst.toFixed(4)}` : '-';
  const xpsnr = made.xpsnr ? `; ${made.xpsnr.mean.toFixed(1)}/${made.xpsnr.worst.toFixed(1)}` : '';
  const vmaf = made.vmaf ? `; ${made.vmaf.mean.toFixed(1)}/${made.vmaf.worst.toFixed(1)}` : '';
  return `${over}${size.toFixed(4)}${over}; ${ssim}${xpsnr}${vmaf}; ${made.cpuS.toFixed(1)}`;
}

function cpuRatio(row: Row, of: (made: Scored) => number = made => made.cpuS): number | undefined {
  const reference = referenceCpuS(row);
  const ours = row.scored.shrinkbox;
  return reference && ours?.path && encoded(ours) ? of(ours) / reference : undefined;
}

/** All that a job in a service starts. Node, and ffmpeg's answers about itself, are there already; `compress` pays for them each time. */
const ofTheJob = (made: Scored) => made.cpuS - (made.ownCpuS ?? 0) - made.cpuS * shareOf(made, 'ask');

/** Not copied. */
const encoded = (made: Made) => !made.said.startsWith('copied');
type Made = Pick<Scored, 'said'>;
/** The plan filled the size, rather than stop where more cannot be seen. */
const filling = (made: Made) => encoded(made) && !/visually lossless|no use|would not be seen/.test(made.said);

export interface Goal {
  what: string;
  reach: string;
  measured: string;
  reached: boolean | undefined;
}

/** Rows of issue 4; those that need a run of their own are handed in. */
export function goals(rows: readonly Row[], more: readonly Goal[] = []): Goal[] {
  const ours = rows.flatMap(row => (row.scored.shrinkbox ? [{ row, made: row.scored.shrinkbox }] : []));
  const made = ours.filter(({ made: one }) => one.path);
  const fills = made.filter(({ made: one }) => filling(one)).map(({ row, made: one }) => one.bytes / row.bytes);
  const over = made.filter(({ row, made: one }) => one.bytes > row.bytes).length;
  const ratios = rows.flatMap(row => cpuRatio(row) ?? []);
  const inService = rows.flatMap(row => cpuRatio(row, ofTheJob) ?? []);
  const smaller = (of: (made: Scored) => number) =>
    rows.flatMap(({ downsized, scored: { naive, shrinkbox } }) =>
      downsized && naive?.path && shrinkbox ? [of(shrinkbox) / naive.cpuS] : [],
    );
  const [smallerAll, smallerInService] = [smaller(one => one.cpuS), smaller(ofTheJob)];
  const verify = made.filter(({ made: one }) => encoded(one)).map(({ made: one }) => shareOf(one, 'verify'));
  const held = ours.length - made.length;
  const all: Goal[] = [
    {
      what: 'over target',
      reach: '0',
      measured: `${over} of ${made.length}${held > 0 ? ` (${held} more held or failed)` : ''}; ${others(rows)}`,
      reached: over === 0,
    },
    {
      what: 'filled when bits are useful',
      reach: 'median >= 99.3 %, every one >= 98.5 %',
      measured: `median ${percent(median(fills))}, least ${percent(Math.min(...fills))} (${fills.length} runs)`,
      reached: median(fills) >= 0.993 && Math.min(...fills) >= 0.985,
    },
    picture(rows, 'normal'),
    picture(rows, 'brutal'),
    {
      what: 'CPU against one naive two-pass, same preset and size',
      reach: 'median <= 1.15, worst <= 1.5',
      measured:
        `median ${median(ratios).toFixed(2)}, worst ${Math.max(...ratios).toFixed(2)} (${ratios.length} runs); ` +
        `without starting Node and asking ffmpeg, which a service does once: ${median(inService).toFixed(2)}, ${Math.max(...inService).toFixed(2)}`,
      reached: median(ratios) <= 1.15 && Math.max(...ratios) <= 1.5,
    },
    {
      what: 'CPU where the plan makes the picture smaller, against naive at full size',
      reach: '< 1.0',
      measured:
        `median ${median(smallerAll).toFixed(2)}, worst ${Math.max(...smallerAll).toFixed(2)} (${smallerAll.length} runs); ` +
        `in a service: ${median(smallerInService).toFixed(2)}, ${Math.max(...smallerInService).toFixed(2)}`,
      reached: Math.max(...smallerAll) < 1,
    },
    {
      what: 'verify, of all processor time',
      reach: '<= 8 %',
      measured: `median ${percent(median(verify))}, most ${percent(Math.max(...verify))}`,
      reached: Math.max(...verify) <= 0.08,
    },
  ];
  return [...all.filter(goal => !/NaN|Infinity/.test(goal.measured)), ...more];
}

function picture(rows: readonly Row[], target: Row['target']): Goal {
  const pairs = rows.flatMap(row => {
    const { shrinkbox, naive } = row.scored;
    if (row.target !== target || !shrinkbox?.ssim || !naive?.ssim) return [];
    const alike = row.naiveAlike ?? naive.ssim;
    const better = shrinkbox.ssim.mean - alike.mean;
    return [{ row, better, worst: shrinkbox.ssim.worst - alike.worst, naiveSize: naive.bytes / row.bytes }];
  });
  const worse = pairs.filter(pair => pair.better < -SAME_SSIM);
  const list = worse.map(
    ({ row, better, naiveSize }) => `${row.clip} ${better.toFixed(4)} (naive at ${naiveSize.toFixed(3)})`,
  );
  return {
    what: `picture, ${target} sizes, SSIM against naive (in no more bytes)`,
    reach: target === 'normal' ? 'no worse on every clip' : 'clearly better',
    measured:
      `mean ${signed(median(pairs.map(pair => pair.better)))}, worst 5 % ${signed(median(pairs.map(pair => pair.worst)))} (medians of ${pairs.length})` +
      (list.length > 0 ? `; worse: ${list.join(', ')}` : '; worse on none'),
    reached: worse.length === 0 && (target === 'normal' || median(pairs.map(pair => pair.better)) > 0.005),
  };
}

function others(rows: readonly Row[]): string {
  const names = (['naive', 'handbrake', 'constrict'] as const).filter(name => rows.some(row => row.scored[name]));
  return names
    .map(name => {
      const made = rows.flatMap(row => (row.scored[name]?.path ? [row.scored[name].bytes / row.bytes] : []));
      const failed = rows.filter(row => row.scored[name] && !row.scored[name].path).length;
      const over = made.filter(size => size > 1);
      return `${name} ${over.length} of ${made.length}, up to ${percent(Math.max(0, ...made))}${failed > 0 ? ` (${failed} failed)` : ''}`;
    })
    .join(', ');
}

export function shareOf(made: Scored, kind: string): number {
  const those = (made.children ?? []).filter(child => child.kind === kind);
  return those.reduce((sum, child) => sum + child.cpuS, 0) / made.cpuS;
}

/** Where shrinkbox's processor time went, over all rows. */
export function breakdown(rows: readonly Row[]): string {
  const sums = new Map<string, number>();
  let own = 0;
  for (const row of rows) {
    own += row.scored.shrinkbox?.ownCpuS ?? 0;
    for (const child of row.scored.shrinkbox?.children ?? [])
      sums.set(child.kind, (sums.get(child.kind) ?? 0) + child.cpuS);
  }
  const total = own + [...sums.values()].reduce((sum, value) => sum + value, 0);
  const parts = [...sums, ['shrinkbox itself', own] as const]
    .toSorted((a, b) => b[1] - a[1])
    .map(([kind, cpuS]) => `${kind} ${percent(cpuS / total)}`);
  return `processor time of shrinkbox, ${total.toFixed(0)} s: ${parts.join(', ')}`;
}

export function goalTable(list: readonly Goal[]): string {
  const verdict = (goal: Goal) => (goal.reached === undefined ? '' : goal.reached ? 'reached' : '**not reached**');
  return [
    '| what | to reach | measured | |',
    '|---|---|---|---|',
    ...list.map(goal => `| ${goal.what} | ${goal.reach} | ${goal.measured} | ${verdict(goal)} |`),
  ].join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

export const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const signed = (value: number) => `${value >= 0 ? '+' : ''}${value.toFixed(4)}`;
