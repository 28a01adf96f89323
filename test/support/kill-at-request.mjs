/**
 * Loaded into a daemon or worker under test (`node --import`): dies by SIGKILL at a call of /fleet/v1. SHRINKBOX_KILL_AT_REQUEST names a
 * file with `{"call": "PATCH result", "when": "before" | "after"}`, the call as it begins or as its answer is there; it is removed
 * first, so that the next start lives.
 */
import { subscribe } from 'node:diagnostics_channel';
import { existsSync, readFileSync, unlinkSync } from 'node:fs';

const at = process.env.SHRINKBOX_KILL_AT_REQUEST;
if (at && existsSync(at)) {
  const { call, when } = JSON.parse(readFileSync(at, 'utf8'));
  const look = (now, { method, path = '' }) => {
    const what = /^\/fleet\/v1\/(?:tasks\/[^/]+\/)?([a-z]+)/.exec(path)?.[1];
    if (now !== when || `${method} ${what}` !== call || !existsSync(at)) return;
    unlinkSync(at);
    process.kill(process.pid, 'SIGKILL');
  };
  const served = ({ request }) => ({ method: request.method, path: request.url });
  subscribe('http.server.request.start', message => look('before', served(message)));
  subscribe('http.server.response.finish', message => look('after', served(message)));
  subscribe('undici:request:create', ({ request }) => look('before', request));
  subscribe('undici:request:headers', ({ request }) => look('after', request));
}
