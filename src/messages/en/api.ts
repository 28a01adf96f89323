import { formatBytes } from '../../core/units.ts';

/** What the HTTP API refuses, and why. */
export const API_EN = {
  // who may ask
  'api.wrong-host': 'shrinkbox does not answer at this address',
  'api.wrong-host-hint':
    'Use http://localhost or http://127.0.0.1 with the port of http.listen. Behind a reverse proxy, set http.public_url to the address people use.',
  'api.other-site': 'this request comes from another website',
  'api.other-site-hint':
    'Only the page of shrinkbox itself, and programs other than browsers, may use this API. Behind a reverse proxy, set http.public_url to the address people use.',
  'api.token-needed': 'an access token is required',
  'api.token-needed-hint':
    'Send the header "Authorization: Bearer TOKEN" with the contents of http.token_file. Never put the token into an address.',
  'api.too-many-tokens': 'too many wrong access tokens came from this address',
  'api.too-many-tokens-hint':
    'Send the contents of http.token_file: the right one is accepted at once. Wrong ones get this answer for a minute.',
  'api.other-target': 'the request names another host in its first line than in its Host header',
  'api.one-at-a-time': 'a connection is answered one request at a time',
  'api.pairing-over': 'this link was used before, or is older than ten minutes',
  'api.pairing-over-hint': 'Make a new one: "shrinkbox link", on the machine shrinkbox runs on.',
  'api.pairing-without-token': 'the page has no access token, so nobody has to be let in',
  'api.pairing-without-token-hint': '"shrinkbox init --lan" makes a token and opens the page to your network.',
  'api.too-many-requests': 'too many requests are being answered',
  'api.too-many-streams': 'the page is open too many times',
  // requests that make no sense
  'api.not-found': 'there is nothing at this address',
  'api.wrong-method': (p: { method: string; allowed: string }) => `${p.method} is not allowed here; use ${p.allowed}`,
  'api.unreadable': 'this request could not be read',
  'api.headers-too-large': (p: { bytes: number }) =>
    `the headers of this request are larger than ${formatBytes(p.bytes)}`,
  'api.headers-too-slow': 'the headers of this request took too long to arrive',
  'api.body-too-large': (p: { bytes: number }) => `the body of this request is larger than ${formatBytes(p.bytes)}`,
  'api.body-too-slow': 'this request took too long to arrive',
  'api.client-gone': 'the client closed the connection',
  'api.bad-parameter': (p: { name: string }) => `the parameter ${p.name} of the request is not valid`,
  'api.unknown-state': (p: { state: string }) => `there is no job state "${p.state}"`,
  'api.known-states': (p: { states: string }) => `The states are: ${p.states}.`,
  'api.unknown-order': (p: { order: string }) => `jobs cannot be sorted by "${p.order}"`,
  'api.known-orders': (p: { orders: string }) => `Sort them by: ${p.orders}.`,
  'api.not-a-count': 'limit and offset must be whole numbers from 0 to 999999999',
  'api.relative-path': 'path must be the full path of a file, starting with /',
  'api.no-place': 'say where to: to=top, to=bottom, or to=before:ID',
  'api.no-instruction': 'an instruction is missing (refine?words=...)',
  'api.unknown-job': 'there is no job with this ID',
  'api.unknown-job-hint': '"shrinkbox jobs" lists them.',
  'api.internal-error': 'internal error in shrinkbox',
  'api.internal-error-hint': 'Please report it as a bug; the log has the details.',
  // pictures
  'api.no-picture': 'there is no such picture',
  'api.result-gone': 'the result is no longer there',
  'api.result-exchanged': 'the result is no longer there: another file has its name',
  'api.no-result': 'this job has no result',
  'api.too-many-results': 'too many results are being played or fetched at once',
  'api.original-exchanged': 'the original is no longer there: another file has its name',
  'api.original-gone': 'the original is no longer there',
  'api.too-many-pictures': 'too many pictures are being made at once',
  'api.too-many-words': 'too many words are being read at once',
  'api.try-later': 'Try again in a moment.',
  // uploads
  'api.upload-needs': 'an upload needs an inbox, a file name and a file',
  'api.no-such-inbox': 'there is no such inbox',
  'api.words-not-text': 'the words contain a NUL character; write plain text',
  'api.too-many-uploads': 'too many files are being uploaded at once',
  'api.upload-too-long': 'the file is larger than announced',
  'api.upload-too-short': 'the file did not arrive completely',
  'api.upload-empty': 'the file is empty',
  'api.upload-silent': 'no more of the file arrived',
  'api.upload-exchanged': ({ name }: { name: string }) =>
    `${name} was not added: its hidden file in the inbox was exchanged for another one meanwhile`,
  'api.upload-exchanged-hint': 'Look who else may write into that inbox, then add the file again.',
  'api.wrong-offset': 'the part does not begin where the last one ended',
  'api.part-needs': 'a part of a file needs the header Upload-Offset and a body',
  'api.unknown-upload': 'there is no such upload: it was given up, or shrinkbox was restarted',
  'api.upload-taken-over': 'the upload went on over another connection',
  'api.upload-too-slow': 'the file arrived too slowly',
  'api.upload-cut': 'the connection was lost before the file was complete',
  'api.upload-too-big': (p: { bytes: number }) => `not enough space in the inbox: ${formatBytes(p.bytes)} too little`,
  'api.free-inbox': 'Free some space on the disk of the inbox.',
  'api.name-taken': (p: { name: string }) => `too many files are already named ${p.name}`,
  'api.name-without-extension': (p: { name: string }) =>
    `${JSON.stringify(p.name)} is not the name of a video: it has no extension such as .mp4`,
  'api.name-ignored': (p: { name: string; why: string }) => `the inbox would ignore ${p.name}: ${p.why}`,
  'api.rename-upload': 'Rename the file and add it again.',
  'api.text-file': 'a text file in an inbox is the instruction for a video, not a video',
  'api.text-file-hint': 'Write the instruction into the field of the page and add the video itself.',
  'api.adding-file': (p: { path: string }) => `adding ${p.path}`,
  // pictures: what is being done
  'api.making-picture': 'making a picture',
  'api.finding-frame': 'finding a frame to show',
  // without a daemon
  'api.inbox-missing': (p: { inbox: string }) => `${p.inbox} does not exist`,
  // asking the daemon
  'api.asking-daemon': 'asking the daemon',
  'api.daemon-gone': 'the daemon is not running; only its socket is left',
  'api.daemon-foreign': 'the daemon runs as another user',
  'api.other-user-hint': 'Run this as the user the daemon runs as, for example with sudo -u shrinkbox.',
  'api.daemon-silent': 'the daemon does not answer',
  'api.daemon-silent-hint': 'It may be very busy; its log says more. Restarting it loses nothing.',
  'api.daemon-ended': 'the daemon ended before it answered',
  'api.unexpected-answer': (p: { status: number }) => `unexpected answer from the daemon (HTTP status ${p.status})`,
  // the control socket and http.listen
  'api.opening-socket': 'opening the control socket',
  'api.finding-socket': 'looking for the control socket',
  'api.creating-socket-folder': 'creating a folder for the control socket',
  'api.socket-in-use': (p: { path: string }) => `another shrinkbox is running: it answers at ${p.path}`,
  'api.socket-in-use-hint': 'Stop that one first, or give this one its own state_dir.',
  'api.page-port-taken': (p: { at: string }) => `the page is not available: another program uses ${p.at} (http.listen)`,
  'api.page-port-denied': (p: { at: string }) =>
    `the page is not available: this user may not use ${p.at} (http.listen; ports below 1024 need a privilege)`,
  'api.page-no-such-address': (p: { at: string }) =>
    `the page is not available: this machine does not have the address ${p.at} (http.listen)`,
  'api.page-host-unknown': (p: { at: string }) =>
    `the page is not available: the host name of ${p.at} (http.listen) is unknown`,
  'api.page-cannot-listen': (p: { at: string; errno: string }) =>
    `the page is not available: cannot listen on ${p.at} (http.listen; ${p.errno})`,
  'api.not-a-socket': (p: { path: string }) => `cannot open the control socket: ${p.path} is not a socket of shrinkbox`,
  'api.not-a-socket-hint': 'Check what it is and move it away.',
  'api.socket-path-too-long': (p: { path: string; fallback: string }) =>
    `cannot open the control socket: ${p.path} and ${p.fallback} are both too long`,
  'api.socket-path-too-long-hint': 'Use a shorter state_dir or TMPDIR.',
  'api.open-without-token': (p: { host: string }) =>
    `http.listen is ${p.host}, which other machines can reach, but there is no access token`,
  'api.open-without-token-hint':
    'Set http.token_file to a file that holds a secret (or the systemd credential http-token), or listen on 127.0.0.1.',
};
