/** The example alerts and dashboard: they parse, and every metric they name exists. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { Metrics } from '../../src/monitor/metrics.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeControl } from '../support/fake-control.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

const read = (name: string) => readFile(new URL(`../../${name}`, import.meta.url), 'utf8');

/** Names as they can be asked for: a histogram is three. */
async function existing(): Promise<Set<string>> {
  const clock = new FakeClock();
  const metrics = new Metrics({
    version: '1',
    clock,
    files: nodeFiles,
    ledger: new Ledger(new MemoryJournal(), clock),
    journal: { fsyncStats: () => ({ count: 0, totalMs: 0, lastMs: 0, pendingMs: 0 }), size: 0 },
    places: () => [],
  });
  const { text } = await metrics.render(new FakeControl().status());
  metrics.close();
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    types.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

const namesIn = (text: string) => [...new Set(text.match(/\b(?:shrinkbox|process|nodejs)_[a-z_]+\b/g))];

interface Rule {
  alert: string;
  expr: string;
  annotations: { summary: string; description: string };
}

it('every alert is made of metrics that exist, and says what to do', async () => {
  const { groups } = parse(await read('systemd/prometheus-alerts.yaml')) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap(group => group.rules);
  expect(rules.length).toBeGreaterThan(5);
  const known = await existing();
  for (const { alert, expr, annotations } of rules) {
    expect([alert, namesIn(expr).filter(name => !known.has(name))]).toEqual([alert, []]);
    expect(expr).toMatch(/shrinkbox_|up\{/);
    expect(annotations.summary).toMatch(/\S/);
    expect(annotations.description).toMatch(/\S/);
  }
});

it('every panel of the dashboard is made of metrics that exist', async () => {
  const dashboard = JSON.parse(await read('systemd/grafana-dashboard.json')) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  const known = await existing();
  const shown = dashboard.panels.filter(panel => panel.targets);
  expect(shown.length).toBeGreaterThan(8);
  for (const { title, targets = [] } of shown) {
    for (const { expr } of targets) {
      expect(namesIn(expr).length).toBeGreaterThan(0);
      expect([title, namesIn(expr).filter(name => !known.has(name))]).toEqual([title, []]);
    }
  }
});

it('the documentation describes every metric of ours', async () => {
  const page = await read('docs/operating.md');
  const described = namesIn(page);
  const ours = [...(await existing())]
    .filter(name => name.startsWith('shrinkbox_') && !/_(bucket|count)$/.test(name))
    .map(name => name.replace(/_seconds_sum$/, '_seconds'));
  expect(ours.filter(name => !described.includes(name))).toEqual([]);
});
