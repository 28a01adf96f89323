import type { Fault } from './faults.ts';

/** Answers that are none of the service's own, as proxies, gateways and half-finished deployments give them. */
type OddAnswer = Pick<Fault, 'status' | 'headers' | 'body'>;

export const ODD_ANSWERS = {
  html: {
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: '<!doctype html><title>Sign in</title><h1>Sign in to the network</h1>',
  },
  'html 502': { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>502 Bad Gateway</h1>' },
  'no content': { status: 204, headers: {}, body: '' },
  redirect: { status: 302, headers: { location: 'https://portal.example/login' }, body: '' },
  'half json': { status: 200, headers: {}, body: '{"code":0,"data":{"state":{"draft":{"t":[' },
  empty: { status: 200, headers: {}, body: '' },
} as const satisfies Record<string, OddAnswer>;

/** Bodies of the state call that have its shape only in part. */
export const MALFORMED_STATES = {
  'half a body': '{"code":0,"data":{"state":{"draft":{"t":[{"tt":0,"sg":[{"na',
  'no state': '{"code":0,"data":{}}',
  'state is a text': '{"code":0,"data":{"state":"busy"}}',
  'draft is a number': '{"code":0,"data":{"state":{"draft":42,"video_infos":[]}}}',
  'draft is half a text': '{"code":0,"data":{"state":{"draft":"{\\"t\\":[{\\"tt\\":0","video_infos":[]}}}',
  'tracks are a map': '{"code":0,"data":{"state":{"draft":{"t":{"a":1}},"video_infos":{}}}}',
  'a list': '[1, 2, 3]',
} as const;
