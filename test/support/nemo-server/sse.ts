/** How the stream is written: the service's own typed events, or the ones of Google's ADK, in either spelling. */
export interface Dialect {
  kind: 'typed' | 'adk';
  casing: 'camel' | 'snake';
}

export type AgentEvent =
  | { say: string; partial?: boolean }
  | { think: string }
  | { call: string; id?: string }
  | { result: string; id?: string; changed?: boolean }
  | { heartbeat: 'typed' | 'comment' | 'empty' | 'event' | 'word' }
  | { error: string; code?: number }
  | { raw: string };

/** One event as the bytes on the wire. */
export function frame(event: AgentEvent, dialect: Dialect): string {
  if ('raw' in event) return event.raw;
  if ('heartbeat' in event) return HEARTBEATS[event.heartbeat];
  const body = dialect.kind === 'typed' ? typed(event) : adk(event, dialect.casing === 'camel');
  return body === undefined ? '' : `data: ${JSON.stringify(body)}\n\n`;
}

const HEARTBEATS = {
  typed: 'data: {"type":"heartbeat"}\n\n',
  comment: ': keep-alive\n\n',
  empty: 'data:\n\n',
  event: 'event: heartbeat\n\n',
  word: 'data: heartbeat\n\n',
} as const;

type Spoken = Exclude<AgentEvent, { raw: string } | { heartbeat: string }>;

function typed(event: Spoken): unknown {
  if ('say' in event) return { type: event.partial ? 'chunk' : 'text', content: event.say };
  if ('think' in event) return undefined;
  if ('call' in event) return { type: 'tool_call', name: event.call, args: {} };
  if ('result' in event) return { type: 'tool_result', name: event.result, result: {} };
  return event.code === undefined
    ? { type: 'error', message: event.error }
    : { code: event.code, message: event.error };
}

function adk(event: Spoken, camel: boolean): unknown {
  const name = (camelName: string, snakeName: string) => (camel ? camelName : snakeName);
  const actions = (delta: object) => ({
    [name('stateDelta', 'state_delta')]: delta,
    [name('artifactDelta', 'artifact_delta')]: {},
  });
  const base = {
    [name('invocationId', 'invocation_id')]: 'e-1',
    author: 'nemo_agent',
    id: 'a1b2c3d4',
    timestamp: 1773423613.6,
  };
  if ('say' in event) {
    return {
      content: { role: 'model', parts: [{ text: event.say }] },
      ...(event.partial ? { partial: true } : {}),
      ...base,
      actions: actions({}),
    };
  }
  if ('think' in event)
    return { content: { role: 'model', parts: [{ text: event.think, thought: true }] }, ...base, actions: actions({}) };
  if ('call' in event) {
    const part = { [name('functionCall', 'function_call')]: { id: event.id ?? 'adk-1', name: event.call, args: {} } };
    return { content: { role: 'model', parts: [part] }, ...base, actions: actions({}) };
  }
  if ('result' in event) {
    const part = {
      [name('functionResponse', 'function_response')]: {
        id: event.id ?? 'adk-1',
        name: event.result,
        response: { ok: true },
      },
    };
    return {
      content: { role: 'user', parts: [part] },
      ...base,
      actions: actions(event.changed ? { draft: { t: [] } } : {}),
    };
  }
  if (event.code !== undefined) return { code: event.code, message: event.error };
  return {
    [name('errorCode', 'error_code')]: 'FAILED',
    [name('errorMessage', 'error_message')]: event.error,
    ...base,
    actions: actions({}),
  };
}
