import { createParser } from 'eventsource-parser';
import { ShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import { isObject, type Parsed, type ParsedObject, parseJson, pick, pickString } from '../http/json.ts';
import { sanitizeLine } from '../http/sanitize.ts';

/**
 * The meaning of one event in a message's stream. Two dialects are known, the service's own typed events and the untyped ones of
 * Google's ADK, in two spellings (camelCase and snake_case); both are read at every level (docs/nemo-api.md, The message stream).
 */
export type StreamEvent =
  /** Heartbeats, comments, empty data: the other side is alive, nothing happened. */
  | { kind: 'alive' }
  /** `whole` replaces the parts before it; a `part` is appended to them. */
  | { kind: 'text'; text: string; extent: 'whole' | 'part' }
  | { kind: 'tool'; phase: 'call' | 'result'; name: string; id: string | undefined }
  /** `code` as in the service's error table, if there is one. */
  | { kind: 'error'; message: string; code: string | undefined; body: Parsed }
  | { kind: 'question'; text: string }
  /** A sign of work that is none of the above: thoughts, state changes, events of a later version. */
  | { kind: 'activity'; what: string }
  /** Nothing a service says in a stream: the page of a proxy, a line cut in two. `what` never quotes it. */
  | { kind: 'noise'; what: string }
  /** `[DONE]`: a hint only; the end is the end of the connection. */
  | { kind: 'end-hint' };

export interface SseMessage {
  event?: string | undefined;
  data: string;
}

const HEARTBEAT_WORDS: ReadonlySet<string> = new Set(['heartbeat', 'ping', 'pong', 'keepalive', 'keep-alive']);
const TEXT_TYPES: ReadonlySet<string> = new Set(['text', 'message']);
const PART_TYPES: ReadonlySet<string> = new Set(['chunk', 'delta', 'text_delta']);
const CALL_TYPES: ReadonlySet<string> = new Set(['tool_call', 'tool_start', 'toolcall_start']);
const RESULT_TYPES: ReadonlySet<string> = new Set(['tool_result', 'tool_end', 'toolcall_end']);

/** The events in one server-sent message: several if text comes with a tool call, never none. */
export function streamEventsOf({ event, data }: SseMessage): StreamEvent[] {
  const text = data.trim();
  if (text === '' || HEARTBEAT_WORDS.has(text.toLowerCase())) return [{ kind: 'alive' }];
  if (event && HEARTBEAT_WORDS.has(event.toLowerCase())) return [{ kind: 'alive' }];
  if (text === '[DONE]') return [{ kind: 'end-hint' }];
  const body = parseJson(text);
  if (body === undefined) return [broken(text)];
  if (!isObject(body)) return [{ kind: 'activity', what: 'value' }];
  return eventsOfObject(body);
}

/** Older ADK builds its error frames by hand, so a quote in the message makes them invalid JSON. */
function broken(text: string): StreamEvent {
  const raw = /^\{\s*"error"\s*:\s*"?(.*?)"?\s*\}?$/s.exec(text.slice(0, 4000))?.[1];
  // What follows the message (its type, a trace) is not for people.
  const words = raw?.replace(/",\s*"[\w-]+"\s*:.*$/s, '');
  if (words !== undefined) return { kind: 'error', message: sanitizeLine(words), code: undefined, body: null };
  return { kind: 'noise', what: `${text.length} characters that are not JSON` };
}

function eventsOfObject(body: ParsedObject): StreamEvent[] {
  const error = errorIn(body);
  if (error) return [error];
  const type = pickString(body, 'type')?.toLowerCase() ?? '';
  if (HEARTBEAT_WORDS.has(type)) return [{ kind: 'alive' }];
  const question = questionIn(body, type);
  if (question) return [question];
  const tool = toolIn(body, type);
  if (tool) return [tool];
  const events = [...typedText(body, type), ...partsOf(body)];
  if (events.length > 0) return events;
  return isEmptyEvent(body) ? [{ kind: 'alive' }] : [{ kind: 'activity', what: type || 'event' }];
}

function errorIn(body: ParsedObject): StreamEvent | undefined {
  const said = pick(body, 'error', 'errorMessage', 'error_message', 'errorCode', 'error_code');
  const code = numericCode(body);
  const failed = said !== undefined || pickString(body, 'type') === 'error' || body.success === false;
  if (!failed && (code === undefined || code === '0' || code === '200')) return undefined;
  const message =
    pickString(
      body,
      'errorMessage',
      'error_message',
      'error.message',
      'error.error_message',
      'error',
      'message',
      'msg',
      'detail',
    ) ??
    pickString(body, 'content', 'errorCode', 'error_code') ??
    'an error without words';
  return { kind: 'error', message: sanitizeLine(message), code, body };
}

function numericCode(body: ParsedObject): string | undefined {
  const code = pick(body, 'code', 'error_code', 'errorCode', 'error.code');
  if (typeof code === 'number') return String(code);
  return typeof code === 'string' && /^\d+$/.test(code) ? code : undefined;
}

function questionIn(body: ParsedObject, type: string): StreamEvent | undefined {
  const questions = pick(body, 'questions', 'content.questions');
  if (!/ask_?question/.test(type) && !Array.isArray(questions)) return undefined;
  const list = Array.isArray(questions) ? questions : [body];
  const text = list.map(questionText).filter(Boolean).join(' / ');
  return { kind: 'question', text: sanitizeLine(text || 'the agent asks a question') };
}

function questionText(question: Parsed): string {
  const prompt = pickString(question, 'prompt', 'question', 'text', 'content') ?? '';
  const options = pick(question, 'options');
  if (!Array.isArray(options)) return prompt;
  const labels = options
    .map(option => (typeof option === 'string' ? option : pickString(option, 'label', 'id')))
    .filter(Boolean);
  return labels.length > 0 ? `${prompt} (${labels.join(', ')})` : prompt;
}

function toolIn(body: ParsedObject, type: string): StreamEvent | undefined {
  const phase = CALL_TYPES.has(type) ? 'call' : RESULT_TYPES.has(type) ? 'result' : undefined;
  if (!phase) return undefined;
  return {
    kind: 'tool',
    phase,
    name: pickString(body, 'name', 'tool', 'tool_name', 'toolName') ?? 'tool',
    id: pickString(body, 'id', 'call_id'),
  };
}

function typedText(body: ParsedObject, type: string): StreamEvent[] {
  const isPart = PART_TYPES.has(type) || body.partial === true;
  const text =
    pickString(body, 'content') ??
    (isObject(body.content) ? undefined : pickString(body, 'text', 'chunk', 'delta')) ??
    (TEXT_TYPES.has(type) || PART_TYPES.has(type) ? pickString(body, 'message', 'data') : undefined);
  if (text === undefined || isFromUser(body)) return [];
  const known = type === '' || TEXT_TYPES.has(type) || PART_TYPES.has(type);
  if (!known) return [];
  const part = isPart || (type === '' && (body.chunk !== undefined || body.delta !== undefined));
  return [{ kind: 'text', text, extent: part ? 'part' : 'whole' }];
}

/** The parts of an ADK event's content. */
function partsOf(body: ParsedObject): StreamEvent[] {
  const parts = pick(body, 'content.parts', 'parts');
  if (!Array.isArray(parts)) return [];
  const events: StreamEvent[] = [];
  let text = '';
  for (const part of parts) {
    const call = pick(part, 'functionCall', 'function_call');
    const result = pick(part, 'functionResponse', 'function_response');
    if (call !== undefined) events.push(toolPart('call', call));
    else if (result !== undefined) events.push(toolPart('result', result));
    else if (pick(part, 'thought') === true) events.push({ kind: 'activity', what: 'thought' });
    // A tool's result has role "user"; the person's own words have author "user".
    else if (!isFromUser(body)) text += pickString(part, 'text') ?? '';
  }
  if (text !== '') events.unshift({ kind: 'text', text, extent: body.partial === true ? 'part' : 'whole' });
  return events;
}

function toolPart(phase: 'call' | 'result', part: Parsed): StreamEvent {
  return { kind: 'tool', phase, name: pickString(part, 'name') ?? 'tool', id: pickString(part, 'id') };
}

function isFromUser(body: ParsedObject): boolean {
  return body.author === 'user';
}

/** An event with neither content nor changes is how the service keeps the connection open. */
function isEmptyEvent(body: ParsedObject): boolean {
  if (Object.keys(body).length === 0) return true;
  const changes = pick(
    body,
    'actions.stateDelta',
    'actions.state_delta',
    'actions.artifactDelta',
    'actions.artifact_delta',
  );
  const changed = isObject(changes) && Object.keys(changes).length > 0;
  const known = 'author' in body || 'actions' in body || 'invocationId' in body || 'invocation_id' in body;
  return known && !changed && body.content === undefined;
}

export interface StreamReader {
  feed(bytes: Uint8Array): void;
  /** When the connection closes, a last frame without its blank line still counts. */
  end(): void;
}

/** A longer event ends the reading: this is far more than a state change with a long draft. */
const MAX_EVENT = 16 * 2 ** 20;
/** So does a longer stream: no agent says nearly this much in a quarter of an hour. */
const MAX_STREAM = 256 * 2 ** 20;

/**
 * Bytes in, events out, wherever the bytes are split. `feed` throws once an event is longer than 16 MiB or all of them together are
 * longer than 256.
 */
export function createStreamReader(onEvent: (event: StreamEvent) => void): StreamReader {
  const decoder = new TextDecoder();
  let bytesRead = 0;
  const parser = createParser({
    maxBufferSize: MAX_EVENT,
    onEvent: message => {
      for (const each of streamEventsOf(message)) onEvent(each);
    },
    onComment: () => onEvent({ kind: 'alive' }),
    // Lines of a broken error frame; only their length may be logged.
    onError: error =>
      onEvent({ kind: 'noise', what: `a line that is no field (${error.line?.length ?? 0} characters)` }),
  });
  return {
    feed(bytes) {
      bytesRead += bytes.length;
      if (bytesRead > MAX_STREAM) throw new ShrinkError('bad-answer', say('nemo.endless-stream'));
      const text = decoder.decode(bytes, { stream: true });
      if (text !== '') parser.feed(text);
    },
    end() {
      parser.feed(`${decoder.decode()}\n\n`);
    },
  };
}

/** The events of an answer that came whole instead of as a stream: one event, or a list of them. */
export function streamEventsOfWhole(text: string): StreamEvent[] {
  const body = parseJson(text);
  const data = pick(body, 'data', 'events');
  const events = Array.isArray(body)
    ? body
    : Array.isArray(data)
      ? data
      : body === undefined
        ? []
        : [isObject(data) ? data : body];
  return events.flatMap(event => (isObject(event) ? eventsOfObject(event) : []));
}
