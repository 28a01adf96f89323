import { describe, expect, it } from 'vitest';
import type { StatusView } from '../../src/api/types.ts';
import { EMPTY, type Model, PAGE_SIZE, reduce, type Row, totalOf, type Update } from '../../src/web/model.ts';
import { detailLike } from '../support/fake-control.ts';

const row = (id: string, facts: Partial<Row> = {}): Row => detailLike({ id, ...facts } as never);
const ids = (model: Model, section: 'attention' | 'active' | 'queue' | 'history') =>
  model[section].rows.map(job => job.id);
const after = (...updates: Update[]) => updates.reduce(reduce, EMPTY);
const job = (id: string, facts: Partial<Row>): Update => ({ kind: 'job', job: row(id, facts) });

describe('the model', () => {
  it('moves a job through the lists', () => {
    let model = after(job('a', { state: 'queued' }));
    expect(ids(model, 'queue')).toEqual(['a']);
    model = reduce(model, job('a', { state: 'running' }));
    expect([ids(model, 'queue'), ids(model, 'active')]).toEqual([[], ['a']]);
    model = reduce(model, job('a', { state: 'done' }));
    expect([ids(model, 'active'), ids(model, 'history')]).toEqual([[], ['a']]);
    model = reduce(model, { kind: 'forgotten', id: 'a' });
    expect(ids(model, 'history')).toEqual([]);
  });

  it('keeps what updates leave out', () => {
    const { hint: _, ...answer } = row('a', { state: 'failed', reason: 'new' });
    const model = after(job('a', { state: 'failed', hint: 'do this' }), { kind: 'job', job: answer });
    expect(model.attention.rows[0]).toMatchObject({ reason: 'new', hint: 'do this' });
  });

  it('puts the queue in the order of arrival, the rest newest first', () => {
    const queue = after(job('b', { created_at: 2 }), job('c', { created_at: 3 }), job('a', { created_at: 1 }));
    expect(ids(queue, 'queue')).toEqual(['a', 'b', 'c']);
    const done = (id: string, updated_at: number) => job(id, { state: 'done', updated_at });
    expect(ids(after(done('b', 2), done('c', 3), done('a', 1)), 'history')).toEqual(['c', 'b', 'a']);
  });

  it('holds a window of each list, and asks for more when one of a full window leaves', () => {
    const many = Array.from({ length: PAGE_SIZE + 10 }, (_, i) => job(`q${i}`, { created_at: i }));
    let model = after(...many);
    expect(model.queue.rows).toHaveLength(PAGE_SIZE);
    // The server knows where a new one stands.
    expect([...model.stale]).toEqual(['queue']);
    model = reduce(model, { kind: 'rows', section: 'queue', rows: model.queue.rows, total: 35 });
    model = reduce(model, job('q0', { state: 'running', created_at: 0 }));
    expect([...model.stale]).toEqual(['queue']);
    model = reduce(model, { kind: 'rows', section: 'queue', rows: [], total: 0 });
    expect(model.stale.size).toBe(0);
    expect([...reduce(model, { kind: 'more', section: 'queue' }).stale]).toEqual(['queue']);
  });

  it('leaves a page somebody turned to, and what was searched for, alone', () => {
    for (const look of [
      { offset: 25, words: '' },
      { offset: 0, words: 'lake' },
    ]) {
      const model = after({ kind: 'search', ...look }, job('a', { state: 'done' }));
      expect(ids(model, 'history')).toEqual([]);
    }
  });

  it('counts by the status, and by the search while one is on', () => {
    const counts = { done: 7, skipped: 2, cancelled: 1 } as StatusView['counts'];
    const status = { counts } as StatusView;
    const found: Update = { kind: 'rows', section: 'history', rows: [], total: 3 };
    expect(totalOf(after({ kind: 'status', status }), 'history')).toBe(10);
    expect(
      totalOf(after({ kind: 'status', status }, { kind: 'search', offset: 0, words: 'x' }, found), 'history'),
    ).toBe(3);
  });

  it('fetches everything again on request', () => {
    expect(after({ kind: 'everything' }).stale.size).toBe(4);
  });
});
