import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createStreamReader,
  type StreamEvent,
  streamEventsOf,
  streamEventsOfWhole,
} from '../../../../src/engine/nemo/message/events.ts';
import { reduceTurn, repliesOf, SILENCE } from '../../../../src/engine/nemo/message/turn.ts';
import { type AgentEvent, type Dialect, frame } from '../../../support/nemo-server/sse.ts';

const ALIVE: StreamEvent[] = [{ kind: 'alive' }];

const text = (said: string, extent: 'whole' | 'part' = 'whole'): StreamEvent => ({ kind: 'text', text: said, extent });

const call = (name: string, id?: string): StreamEvent => ({ kind: 'tool', phase: 'call', name, id });

const result = (name: string, id?: string): StreamEvent => ({ kind: 'tool', phase: 'result', name, id });

const error = (message: string, code?: string): StreamEvent => ({
  kind: 'error',
  message,
  code,
  body: expect.anything(),
});

describe('an event of the stream', () => {
  it.each<[string, string, StreamEvent[]]>([
    [
      'ADK text',
      '{"content":{"role":"model","parts":[{"text":"Trimmed to 10 s."}]},"invocationId":"e-1","author":"nemo_agent","actions":{"stateDelta":{},"artifactDelta":{},"requestedAuthConfigs":{}},"id":"a1b2c3d4","timestamp":1773423613.6}',
      [text('Trimmed to 10 s.')],
    ],
    [
      'ADK tool call',
      '{"content":{"role":"model","parts":[{"functionCall":{"id":"adk-1","name":"edit_multitrack","args":{}}}]},"author":"nemo_agent","actions":{}}',
      [call('edit_multitrack', 'adk-1')],
    ],
    [
      'ADK tool result, whose role is user',
      '{"content":{"role":"user","parts":[{"functionResponse":{"id":"adk-1","name":"edit_multitrack","response":{"ok":true}}}]},"author":"nemo_agent","actions":{"stateDelta":{"draft":{"t":[]}}}}',
      [result('edit_multitrack', 'adk-1')],
    ],
    [
      'ADK partial',
      '{"content":{"role":"model","parts":[{"text":"Trim"}]},"partial":true,"author":"nemo_agent","actions":{}}',
      [text('Trim', 'part')],
    ],
    [
      'thoughts beside text, snake_case',
      '{"content":{"parts":[{"text":"hm","thought":true},{"text":"Done"}]},"invocation_id":"e-1","author":"nemo_agent","actions":{"state_delta":{}},"error_code":null}',
      [text('Done'), { kind: 'activity', what: 'thought' }],
    ],
    [
      'snake_case tool parts',
      '{"content":{"parts":[{"function_call":{"name":"x"}},{"function_response":{"name":"x"}}]},"author":"a"}',
      [call('x'), result('x')],
    ],
    ['typed text', '{"type":"text","content":"Click the Export button"}', [text('Click the Export button')]],
    ['typed message', '{"type":"message","text":"Hi"}', [text('Hi')]],
    ['typed chunk', '{"type":"chunk","content":"Hi"}', [text('Hi', 'part')]],
    ['bare text', '{"text":"Hi"}', [text('Hi')]],
    ['bare chunk', '{"chunk":"Hi"}', [text('Hi', 'part')]],
    ['bare delta', '{"delta":"Hi"}', [text('Hi', 'part')]],
    [
      'typed tool call',
      '{"type":"tool_call","name":"generate_video_with_seedance","args":{}}',
      [call('generate_video_with_seedance')],
    ],
    ['typed tool start', '{"type":"toolcall_start","tool_name":"x"}', [call('x')]],
    [
      'typed tool result',
      '{"type":"tool_result","name":"generate_video_with_seedance","result":{}}',
      [result('generate_video_with_seedance')],
    ],
    ['typed tool end', '{"type":"tool_end","tool":"x"}', [result('x')]],
    ['typed heartbeat', '{"type":"heartbeat"}', ALIVE],
    ['typed ping', '{"type":"ping"}', ALIVE],
    ['a word', 'heartbeat', ALIVE],
    ['another word', 'keepalive', ALIVE],
    ['empty data', '', ALIVE],
    ['spaces', '   ', ALIVE],
    ['an empty object', '{}', ALIVE],
    [
      'an event without content, error or changes',
      '{"author":"nemo_agent","actions":{"stateDelta":{}},"id":"x"}',
      ALIVE,
    ],
    [
      'a change without content',
      '{"author":"nemo_agent","actions":{"stateDelta":{"draft":{}}}}',
      [{ kind: 'activity', what: 'event' }],
    ],
    [
      'an error in broken JSON',
      '{"error": "boom "quoted" text"}',
      [{ kind: 'error', message: 'boom "quoted" text', code: undefined, body: null }],
    ],
    [
      'an error in broken JSON with details, which are not for people',
      '{"error": "boom "quoted" text", "error_details": {"error_type": "ValueError", "stack',
      [{ kind: 'error', message: 'boom "quoted" text', code: undefined, body: null }],
    ],
    [
      'an error with details',
      '{"error":"ValueError: x","error_details":{"error_type":"ValueError","error_message":"x","timestamp":1.0}}',
      [error('ValueError: x')],
    ],
    ['an error as an object', '{"error":{"message":"bad"}}', [error('bad')]],
    [
      'a model error',
      '{"errorCode":"SAFETY","errorMessage":"blocked","author":"nemo_agent","actions":{}}',
      [error('blocked')],
    ],
    [
      'a model error, snake_case',
      '{"error_code":"SAFETY","error_message":"blocked","author":"nemo_agent"}',
      [error('blocked')],
    ],
    ['a typed error', '{"type":"error","message":"no"}', [error('no')]],
    [
      'a code of the error table',
      '{"code":2001,"message":"insufficient credits"}',
      [error('insufficient credits', '2001')],
    ],
    [
      'what the person said themselves',
      '{"content":{"role":"user","parts":[{"text":"mine"}]},"author":"user"}',
      [{ kind: 'activity', what: 'event' }],
    ],
    [
      'a question',
      '{"type":"ask_question","questions":[{"id":"q","prompt":"How small?","options":[{"id":"a","label":"10MB"},{"id":"b","label":"20MB"}],"allow_multiple":false}]}',
      [{ kind: 'question', text: 'How small? (10MB, 20MB)' }],
    ],
    ['the end hint', '[DONE]', [{ kind: 'end-hint' }]],
    ['an event of a later version', '{"type":"telemetry","x":1}', [{ kind: 'activity', what: 'telemetry' }]],
    ['a number', '42', [{ kind: 'activity', what: 'value' }]],
    ['noise', 'qwerty', [{ kind: 'noise', what: '6 characters that are not JSON' }]],
    ['success in an envelope', '{"code":0,"content":"ok"}', [text('ok')]],
  ])('means what it says: %s', (_, data, events) => {
    expect(streamEventsOf({ data })).toEqual(events);
  });

  it('with a heartbeat as its name is a heartbeat', () => {
    expect(streamEventsOf({ event: 'heartbeat', data: '' })).toEqual(ALIVE);
    expect(streamEventsOf({ event: 'ping', data: '{"t":1}' })).toEqual(ALIVE);
  });

  it('that came whole, without a stream, is read all the same', () => {
    expect(streamEventsOfWhole('[{"type":"text","content":"a"},{"type":"text","content":"b"}]')).toEqual([
      text('a'),
      text('b'),
    ]);
    expect(streamEventsOfWhole('{"code":0,"data":{"type":"text","content":"a"}}')).toEqual([text('a')]);
    expect(streamEventsOfWhole('not json')).toEqual([]);
  });
});

function readAll(pieces: Uint8Array[]): StreamEvent[] {
  const found: StreamEvent[] = [];
  const reader = createStreamReader(event => found.push(event));
  for (const piece of pieces) reader.feed(piece);
  reader.end();
  return found;
}

const someText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter(said => said.trim() !== '');

const anyEvent: fc.Arbitrary<AgentEvent> = fc.oneof(
  fc.record({ say: someText, partial: fc.boolean() }),
  fc.record({ think: someText }),
  fc.record({ call: fc.constantFrom('edit_multitrack', 'seedance') }),
  fc.record({ result: fc.constant('edit_multitrack'), changed: fc.boolean() }),
  fc.record({ heartbeat: fc.constantFrom('typed', 'comment', 'empty', 'event', 'word') }) as fc.Arbitrary<AgentEvent>,
  fc.record({ error: someText }),
);

const anyDialect: fc.Arbitrary<Dialect> = fc.record({
  kind: fc.constantFrom('typed', 'adk'),
  casing: fc.constantFrom('camel', 'snake'),
});

/** Cuts bytes at any places, also inside a character. */
function cut(bytes: Buffer, places: number[]): Buffer[] {
  const at = [...new Set(places.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, n) => bytes.subarray(from, at[n] ?? bytes.length));
}

describe('a stream of bytes', () => {
  it('gives the same meanings in whatever pieces it comes, with any line ends', () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent, { maxLength: 12 }),
        anyDialect,
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.array(fc.nat(5000), { maxLength: 20 }),
        (events, dialect, lineEnd, bom, places) => {
          const whole = Buffer.from(
            (bom ? '\uFEFF' : '') +
              events
                .map(event => frame(event, dialect))
                .join('')
                .replaceAll('\n', lineEnd),
          );
          expect(readAll(cut(whole, places))).toEqual(readAll([whole]));
          expect(readAll(cut(whole, [...whole.keys()]))).toEqual(readAll([whole]));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('says the same in both dialects and both spellings', () => {
    fc.assert(
      fc.property(
        fc.array(
          anyEvent.filter(event => !('think' in event || 'error' in event)),
          { maxLength: 12 },
        ),
        events => {
          const said = (dialect: Dialect) => {
            const bytes = Buffer.from(events.map(event => frame(event, dialect)).join(''));
            const turn = readAll([bytes]).reduce(reduceTurn, SILENCE);
            return [repliesOf(turn), turn.tools];
          };
          const typed = said({ kind: 'typed', casing: 'camel' });
          expect(said({ kind: 'adk', casing: 'camel' })).toEqual(typed);
          expect(said({ kind: 'adk', casing: 'snake' })).toEqual(typed);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('ends with its last event even when the blank line after it never came', () => {
    expect(readAll([Buffer.from('data: {"type":"text","content":"bye"}')])).toEqual([text('bye')]);
  });

  it('joins data lines, and takes comments for signs of life', () => {
    expect(readAll([Buffer.from(': hello\ndata: {"type":"text",\ndata: "content":"a"}\n\n')])).toEqual([
      { kind: 'alive' },
      text('a'),
    ]);
  });

  it('does not grow without end on an endless event', () => {
    const reader = createStreamReader(() => {});
    const piece = Buffer.alloc(1 << 20, 'x');
    expect(() => {
      reader.feed(Buffer.from('data: '));
      for (let n = 0; n < 40; n += 1) reader.feed(piece);
    }).toThrow();
  });
});
