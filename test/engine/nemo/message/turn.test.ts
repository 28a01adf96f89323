import { describe, expect, it } from 'vitest';
import type { StreamEvent } from '../../../../src/engine/nemo/message/events.ts';
import {
  didSomething,
  isOnlyTrouble,
  reduceTurn,
  repliesOf,
  SILENCE,
  toolSentence,
  type Turn,
} from '../../../../src/engine/nemo/message/turn.ts';

const text = (said: string, extent: 'whole' | 'part' = 'whole'): StreamEvent => ({ kind: 'text', text: said, extent });

const call = (name: string, id?: string): StreamEvent => ({ kind: 'tool', phase: 'call', name, id });

const result = (name: string, id?: string): StreamEvent => ({ kind: 'tool', phase: 'result', name, id });

describe('a turn', () => {
  const turnOf = (...events: StreamEvent[]): Turn => events.reduce(reduceTurn, SILENCE);

  it('shows a whole reply once, in place of its parts', () => {
    expect(repliesOf(turnOf(text('Tri', 'part'), text('mmed', 'part'), text('Trimmed')))).toBe('Trimmed');
  });

  it('keeps what was said before and after a tool', () => {
    expect(repliesOf(turnOf(text('Let me see.'), call('x'), result('x'), text('Done.')))).toBe('Let me see.\nDone.');
  });

  it('shows the parts of a reply that was cut', () => {
    expect(repliesOf(turnOf(text('Half a', 'part')))).toBe('Half a');
  });

  it('drops the temporary issue after a proper reply, and knows it when it is all there is', () => {
    const noise = text('I encountered a temporary issue, please try again.');
    expect(repliesOf(turnOf(text('Done.'), noise))).toBe('Done.');
    expect(isOnlyTrouble(turnOf(text('Done.'), noise))).toBe(false);
    expect(isOnlyTrouble(turnOf(noise))).toBe(true);
    expect(isOnlyTrouble(turnOf(text('Error: 500 internal')))).toBe(true);
    expect(isOnlyTrouble(SILENCE)).toBe(false);
  });

  it('may be over after a whole reply with no tool at work', () => {
    expect(turnOf(call('x'), text('working on it')).mayBeOver).toBe(false);
    expect(turnOf(call('x'), result('x'), text('Done.')).mayBeOver).toBe(true);
    expect(turnOf(text('Done.'), { kind: 'alive' }).mayBeOver).toBe(true);
    expect(turnOf(text('Done.'), call('y')).mayBeOver).toBe(false);
    expect(turnOf({ kind: 'end-hint' }).mayBeOver).toBe(true);
  });

  it('keeps the first error, and whether anything was done before it', () => {
    const turn = turnOf(
      { kind: 'error', message: 'a', code: '2001', body: {} },
      { kind: 'error', message: 'b', code: undefined, body: {} },
    );
    expect(turn.error?.message).toBe('a');
    expect(didSomething(turn)).toBe(false);
    expect(didSomething(turnOf(call('x'), { kind: 'error', message: 'a', code: '2001', body: {} }))).toBe(true);
  });

  it('does not count heartbeats as substance', () => {
    expect(turnOf({ kind: 'alive' }, { kind: 'alive' }).substance).toBe(0);
    expect(turnOf({ kind: 'activity', what: 'thought' }).substance).toBe(1);
  });
});

describe('the progress line', () => {
  it.each([
    ['generate_video_with_seedance', 'generating video (2-5 min)'],
    ['add_bgm', 'generating sound (1-2 min)'],
    ['edit_multitrack', 'editing the timeline'],
    ['understand_media', 'viewing the material'],
    ['unheard_of', 'working'],
  ])('names the work of the tool %s', (tool, label) => {
    expect(toolSentence(tool).text).toBe(label);
  });
});
