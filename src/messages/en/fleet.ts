/** Other machines that take parts of films. */
export const FLEET_EN = {
  'fleet.worker-failed': (p: { worker: string; why: string }) => `worker ${p.worker} could not make a part: ${p.why}`,
  'fleet.cutting-slice': 'cutting a piece of the source for a worker',
  'fleet.slice-damaged': 'what was fetched from the daemon has another hash than it said',
  'fleet.not-a-daemon': (p: { url: string }) => `${p.url} does not answer like a shrinkbox with a fleet`,
  'fleet.other-key': (p: { url: string }) => `${p.url} shows another key than the one of the invitation`,
  'fleet.other-key-hint':
    'If the daemon was set up anew, invite this worker again with "shrinkbox fleet invite NAME"; else something else answers at this address.',
  'fleet.invite-again-hint':
    'On the daemon, run "shrinkbox fleet invite NAME" and put what it prints into the token file of this worker.',
  'fleet.update-hint':
    'Update the older of the two; the daemon first, since it serves workers of one version before its own.',
  'fleet.order-unreadable': 'this worker does not understand what the daemon wants of it',
  'fleet.other-picture':
    "this worker would make another picture of it: its ffmpeg or its version differs from the daemon's",
  'fleet.result-unreadable': 'the figures of the result are not what was asked for',
  'fleet.result-size': (p: { bytes: number; expected: number }) => `it has ${p.bytes} bytes instead of ${p.expected}`,
  'fleet.result-no-video': (p: { why: string }) => `it is no video: ${p.why}`,
  'fleet.result-other': (p: { seen: string; expected: string }) => `it is ${p.seen} frames instead of ${p.expected}`,
  'fleet.cannot-listen': (p: { why: string }) => `cannot listen for workers: ${p.why}`,
  'fleet.cannot-listen-hint': 'Change fleet.listen, or end what uses the address.',
  'fleet.cannot-read': (p: { path: string; why: string }) => `cannot read ${p.path} (${p.why})`,
  'fleet.cannot-read-hint': 'Make it readable to the user shrinkbox runs as, or change its path in the configuration.',
  'fleet.no-worker-section': 'the configuration has no section "worker"',
  'fleet.no-worker-section-hint':
    'Add "worker: {token_file: ./worker-token}", and put what "shrinkbox fleet invite NAME" prints on the daemon into that file.',
  'fleet.no-ticket': (p: { path: string }) =>
    `${p.path} holds neither an invitation nor a token with the address of a daemon`,
  'fleet.not-let-in': (p: { why: string }) => `the daemon does not let this worker in: ${p.why}`,
  'fleet.scratch-in-use': (p: { path: string }) => `another worker uses ${p.path}`,
  'fleet.scratch-in-use-hint': 'Give each worker a scratch folder of its own (worker.scratch).',
};
