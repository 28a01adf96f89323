import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { disksOf } from './disks.ts';
import type { StatusView } from '../api/types.ts';
import type { DayView } from '../api/savings.ts';
import * as api from './api.ts';
import { formatBytes, formatCount, formatSaving, formatSpan, formatWhen, nameOf } from './format.ts';
import { useWords } from './language.ts';

const DAYS = 30;
const DAY_MS = 86_400_000;
const CHART_HEIGHT = 84;
/** The days are fetched again this long after a job came to rest, milliseconds. */
const CALM_MS = 1500;
/** Characters of a path that fit. */
const LONG_PATH = 22;

/** How much smaller everything has become, what that means for the disks, and how long the rest will take. */
export function Space({ status, finished }: { status: StatusView; finished: number }) {
  return (
    <section class="space" aria-labelledby="space-title">
      <Saved totals={status.totals} />
      <Chart days={useDays(finished)} />
      <Disks status={status} />
      <Line status={status} />
    </section>
  );
}

/** Smaller is not freed: what became of the originals is said as well. */
function Saved({ totals }: { totals: StatusView['totals'] }) {
  const { words, language } = useWords();
  const { source_bytes: before, output_bytes: after, originals_left: left, originals_archived: archived } = totals;
  const share = formatSaving({ source: '', source_bytes: before, output_bytes: after }, language);
  return (
    <div class="cell saved">
      <h2 id="space-title">{words.saved}</h2>
      <p class="big figures">{totals.done === 0 ? '–' : formatBytes(totals.saved_bytes)}</p>
      {totals.done === 0 ? (
        <p class="quiet">{words.nothingSaved}</p>
      ) : (
        <p class="quiet">
          {words.savedFrom({
            count: totals.done,
            shown: formatCount(totals.done, language),
            before: formatBytes(before),
            after: formatBytes(after),
          })}
          {share && ` (${share})`}
          {totals.freed_bytes > 0 && ` · ${words.freed(formatBytes(totals.freed_bytes))}`}
          {archived.files > 0 && (
            <>
              {' · '}
              <a href="#archive">{words.originalsArchived(formatBytes(archived.bytes))}</a>
            </>
          )}
          {left.files > 0 && (
            <>
              {' · '}
              <strong class="still">{words.originalsLeft(formatBytes(left.bytes))}</strong>
            </>
          )}
        </p>
      )}
    </div>
  );
}

/** The end of a long path says most. */
function shortened(path: string): string {
  return path.length > LONG_PATH ? `…/${nameOf(path)}` : path;
}

function Disks({ status }: { status: StatusView }) {
  const { words } = useWords();
  return (
    <div class="cell disks">
      {disksOf(status).map(({ path, free, size }) => (
        <div key={path}>
          <h3 class="quiet" title={path}>
            {words.disk(shortened(path))}
          </h3>
          <p class="mid figures">{words.free(formatBytes(free))}</p>
          <meter
            aria-label={words.diskUse(path)}
            min={0}
            max={1}
            high={0.9}
            optimum={0}
            value={Math.round((1 - free / size) * 1000) / 1000}
          />
        </div>
      ))}
    </div>
  );
}

function Line({ status }: { status: StatusView }) {
  const { words, language } = useWords();
  const { counts, queue } = status;
  const waiting = counts.queued + counts.waiting + counts.running;
  const end = queue.finish_at === null ? '' : words.doneAbout(formatWhen(queue.finish_at, Date.now(), language));
  const left = queue.left_ms === null ? '' : words.left(formatSpan(queue.left_ms, language));
  const [first = words.unknownEnd, second] = waiting === 0 ? [words.nothingQueued] : [left, end].filter(Boolean);
  return (
    <div class="cell line-up">
      <h3 class="quiet">{words.stillToDo}</h3>
      <p class="mid figures">{waiting === 0 ? '–' : words.videos(waiting, formatCount(waiting, language))}</p>
      <p class="quiet figures">
        {first}
        {second !== undefined && (
          <>
            {' · '}
            <span class="whole">{second}</span>
          </>
        )}
      </p>
    </div>
  );
}

function useDays(finished: number): DayView[] {
  const [days, setDays] = useState<DayView[]>([]);
  useEffect(() => {
    const timer = setTimeout(() => void api.days().then(setDays, () => {}), finished === 0 ? 0 : CALM_MS);
    return () => clearTimeout(timer);
  }, [finished]);
  return days;
}

function Chart({ days }: { days: DayView[] }) {
  const { words, language } = useWords();
  const place = useRef<HTMLDivElement>(null);
  const isDark = useDark();
  const [times, saved] = series(days);
  const sum = saved.reduce((all, each) => all + each, 0);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const plot = new uPlot(optionsFor(element, language, times), [times, saved], element);
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: CHART_HEIGHT }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [days, isDark, language]);
  return (
    <div class="cell month">
      <h3 class="quiet">
        {words.lastDays(DAYS)}
        <strong class="figures">{sum === 0 ? '' : formatBytes(sum)}</strong>
      </h3>
      <div class="chart" role="img" aria-label={words.savedChart(DAYS, formatBytes(sum))}>
        <div ref={place} aria-hidden="true" />
      </div>
    </div>
  );
}

/** One value per day up to today, 0 for days without any; times are seconds. */
function series(days: DayView[]): [number[], number[]] {
  const known = new Map(days.map(day => [day.day, Math.max(0, day.saved_bytes)]));
  const noon = new Date();
  noon.setHours(12, 0, 0, 0);
  const dates = Array.from({ length: DAYS }, (_, i) => new Date(noon.getTime() - (DAYS - 1 - i) * DAY_MS));
  return [dates.map(date => date.getTime() / 1000), dates.map(date => known.get(nameOfDay(date)) ?? 0)];
}

function nameOfDay(date: Date): string {
  const pad = (n: number) => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

/** Where the outer labels stand, so that they are whole: a share of the width. */
const EDGE = 0.1;

function optionsFor(element: HTMLElement, language: string, times: readonly number[]): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const day = new Intl.DateTimeFormat(language, { month: 'short', day: 'numeric' });
  const bars = uPlot.paths.bars?.({ size: [0.7, 24], radius: 0.25 });
  const axis = { stroke: color('--quiet'), font: `11px ${style.fontFamily}`, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height: CHART_HEIGHT,
    padding: [6, 0, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    // Half a day on both sides, so that the outer bars are whole.
    scales: {
      x: { time: true, range: (_, min, max) => [min - 43_200, max + 43_200] },
      y: { range: (_, __, max) => [0, max * 1.05 || 1] },
    },
    axes: [
      {
        ...axis,
        size: 20,
        grid: { show: false },
        // Something to stand on, where only a few days have a bar.
        border: { show: true, stroke: color('--line'), width: 1 },
        // The first day, the middle and today; half a label from the edges.
        splits: (_, __, min, max) => [min + (max - min) * EDGE, (min + max) / 2, max - (max - min) * EDGE],
        values: () =>
          [times[0], times[Math.floor(times.length / 2)], times.at(-1)].map(at => day.format((at ?? 0) * 1000)),
      },
      { show: false },
    ],
    series: [
      {},
      {
        fill: color('--accent'),
        stroke: 'transparent',
        width: 0,
        points: { show: false },
        paths: bars,
      },
    ],
  };
}

function useDark(): boolean {
  const query = matchMedia('(prefers-color-scheme: dark)');
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const change = () => setDark(query.matches);
    query.addEventListener('change', change);
    return () => query.removeEventListener('change', change);
  }, []);
  return isDark;
}
