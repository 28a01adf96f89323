import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { StatusView } from '../api/types.ts';
import type { DayView } from '../api/savings.ts';
import * as api from './api.ts';
import { formatBytes, formatCount } from './format.ts';
import { useWords } from './language.ts';

const DAYS = 30;
const DAY_MS = 86_400_000;
const CHART_HEIGHT = 110;
/** The days are fetched again this long after a job came to rest, milliseconds. */
const CALM_MS = 1500;

/** How much smaller everything has become. */
export function Savings({ totals, finished }: { totals: StatusView['totals']; finished: number }) {
  const { words, language } = useWords();
  const days = useDays(finished);
  return (
    <section class="savings card" aria-labelledby="savings-title">
      <h2 id="savings-title">{words.saved}</h2>
      {totals.done === 0 ? (
        <p class="quiet">{words.nothingSaved}</p>
      ) : (
        <>
          <p class="big figures">{formatBytes(totals.saved_bytes)}</p>
          <p class="quiet">
            {words.savedFrom({
              count: totals.done,
              shown: formatCount(totals.done, language),
              before: formatBytes(totals.source_bytes),
              after: formatBytes(totals.output_bytes),
            })}
          </p>
          <Chart days={days} />
        </>
      )}
    </section>
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
    if (!element || sum === 0) return undefined;
    const plot = new uPlot(optionsFor(element, language), [times, saved], element);
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: CHART_HEIGHT }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [days, isDark, language]);
  if (sum === 0) return null;
  return (
    <div class="chart" role="img" aria-label={words.savedChart(DAYS, formatBytes(sum))}>
      <div ref={place} aria-hidden="true" />
      <p class="quiet" aria-hidden="true">
        {words.perDay(DAYS)}
      </p>
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

function optionsFor(element: HTMLElement, language: string): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const day = new Intl.DateTimeFormat(language, { month: 'short', day: 'numeric' });
  const bars = uPlot.paths.bars?.({ size: [0.7, 24], radius: 0.25 });
  const axis = { stroke: color('--quiet'), font: '11px system-ui, sans-serif', ticks: { show: false } };
  return {
    width: element.clientWidth,
    height: CHART_HEIGHT,
    padding: [6, 4, 0, 0],
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
        size: 22,
        grid: { show: false },
        splits: (_, __, min, max) => [min + (max - min) * 0.09, (min + max) / 2, max - (max - min) * 0.09],
        values: (_, splits) => splits.map(at => day.format(at * 1000)),
      },
      {
        ...axis,
        size: 54,
        space: 26,
        grid: { stroke: color('--line'), width: 1 },
        values: (_, splits) => splits.map(bytes => (bytes === 0 ? '' : formatBytes(bytes).replace(/\.0+ /, ' '))),
      },
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
