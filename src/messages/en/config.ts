interface Value {
  value: string;
}

/** What is wrong with a value of the configuration; the key stands before it. */
export const CONFIG_EN = {
  'config.missing': ({ write }: { write: string }) => `is missing; write ${write}`,
  'config.no-value': ({ write }: { write: string }) => `has no value; write ${write}, or remove the line`,
  'config.not-a': (p: Value & { what: string; write: string }) => `${p.value} is not ${p.what}; write ${p.write}`,
  'config.not-a-but': (p: Value & { what: string; write: string; near: string }) =>
    `${p.value} is not ${p.what}; write ${p.write} (did you mean ${p.near}?)`,
  'config.not-one-of': (p: Value & { words: string }) => `${p.value} is not one of ${p.words}`,
  'config.not-one-of-but': (p: Value & { words: string; near: string }) =>
    `${p.value} is not one of ${p.words}; did you mean "${p.near}"?`,
  'config.not-that': (p: Value & { what: string }) => `${p.value} is not ${p.what}`,
  'config.unquoted': (p: Value & { what: string }) => `${p.value} is not ${p.what} (without quotes)`,
  'config.not-yes-no': ({ value }: Value) => `${value} is not true or false`,
  'config.not-yes-no-but': ({ value }: Value) => `${value} is not true or false; write true`,
  'config.wrong': (p: Value & { wrong: string }) => `${p.value} ${p.wrong}`,
  'config.nul': ({ what }: { what: string }) => `${what} cannot contain a NUL character`,
  'config.path-nul': 'a path cannot contain a NUL character',
  'config.too-long': ({ max }: { max: number }) => `is longer than ${max} characters`,
  'config.empty-list': ({ what }: { what: string }) => `is an empty list; write ${what}, or remove the line`,
  'config.zero': (p: Value & { write: string }) => `${p.value} is zero; write ${p.write}`,
  'config.out-of-range': (p: Value & { write: string }) => `${p.value} is out of range; write ${p.write}`,
  'config.too-short': (p: Value & { least: string }) => `${p.value} is too short; the minimum is ${p.least}`,
  'config.sides': ({ value }: Value) => `${value} is out of range; each side must have 16 to 16384 pixels`,
  'config.no-hours': ({ value }: Value) =>
    `${value} starts and ends at the same time; remove the line to allow all day`,

  // What may be written.
  'config.or': (p: { others: string; last: string }) => `${p.others} or ${p.last}`,
  'config.to': (p: { least: string; most: string }) => `${p.least} to ${p.most}`,
  'config.whole-number': (p: { least: number; most: number }) => `a whole number from ${p.least} to ${p.most}`,
  'config.number': (p: { least: number; most: number }) => `a number from ${p.least} to ${p.most}`,
  'config.one-like': ({ example }: { example: string }) => `one like ${example}`,
  'config.units': ({ examples }: { examples: string }) => `${examples} (ms, s, m, h, d)`,
  'config.audio-write': 'keep, mute or a bitrate like 96k',
  'config.name-write': 'a short name like mail',
  'config.pattern-write': 'a pattern like *.mov or camera/**',
  'config.patterns-write': 'a pattern or a list of patterns',
  'config.rules-write': 'a list of rule names',
  'config.instruction-write': 'plain words like: 720p, 30 fps, no sound',

  // What a value is.
  'config.a-size': 'a size',
  'config.a-percentage': 'a percentage',
  'config.a-free-space': 'an amount of free space',
  'config.a-duration': 'a duration',
  'config.a-rate': 'a rate',
  'config.a-resolution': 'a resolution',
  'config.an-audio-setting': 'an audio setting',
  'config.hours': 'a span of hours',
  'config.a-path': 'a path',
  'config.a-name': 'a name',
  'config.a-pattern': 'a pattern',
  'config.an-instruction': 'an instruction',
  'config.a-template': 'a name template',
  'config.a-rule-name': 'the name of a rule',

  // Names and patterns.
  'config.unknown-placeholder': ({ word }: { word: string }) =>
    `has the unknown placeholder {${word}}; the placeholders are {dir}, {name}, {ext} and {rule}`,
  'config.unmatched-brace': 'has an unmatched brace; placeholders are written {name}',
  'config.not-one-line': 'must be one line of plain text',
  'config.leading-slash': 'must be relative to the outbox, without a leading /',
  'config.leaves-outbox': 'must stay inside the outbox, without ..',
  'config.not-mp4': 'must end in .mp4, because results are MP4 files',
  'config.no-name': 'must contain {name}, or all files of the rule would get the same name',
  'config.hidden-name': 'must not make hidden files or folders',
  'config.name-too-long': 'is too long; a name has at most 60 characters',
  'config.bad-name': 'is not a name; use letters, digits, spaces, dots, hyphens and underscores',
  'config.empty-pattern': 'is an empty pattern',
  'config.pattern-too-long': 'is too long for a pattern',
  'config.pattern-absolute': 'must be relative to the inbox',
  'config.pattern-leaves': 'must stay inside the inbox, without ..',
  'config.rule-name-taken': ({ name, rule }: { name: string; rule: number }) =>
    `"${name}" is already the name of rules[${rule}]; give each rule a name of its own`,
  'config.no-such-rule': ({ name, rules }: { name: string; rules: string }) =>
    `there is no rule "${name}"; the rules are ${rules}`,
  'config.no-such-rule-but': ({ name, near }: { name: string; near: string }) =>
    `there is no rule "${name}"; did you mean "${near}"?`,

  // The file as a whole.
  'config.nested': 'is nested too deeply to be a configuration',
  'config.complex-key': 'a key must be a plain word, not a list or map',
  'config.tab': 'the line is indented with a tab; YAML needs spaces',
  'config.second-document': 'a second document starts here (---); a configuration has only one',
  'config.tag': 'tags like !secret are not supported; write the value, or put quotes around it',
  'config.bad-start': ({ said }: { said: string }) => `${said}; put quotes around the value`,
  'config.not-yaml': ({ said }: { kind: string; said: string }) => `is not valid YAML: ${said}`,
  'config.twice': ({ word }: { word: string }) => `${word} is given twice in the same map; keep one`,
  'config.no-anchor': ({ name }: { name: string }) =>
    `*${name} refers to nothing; set &${name} before it, or put quotes around the value`,
  'config.too-many-aliases': 'repeats parts of itself (aliases) far too often',
  'config.empty-file': 'is empty: delete it to use the built-in defaults, or start from config.example.yaml',
  'config.not-lines': ({ value }: Value) =>
    `is ${value}; a configuration consists of "key: value" lines, see config.example.yaml`,
  'config.more-problems': ({ count }: { count: number }) => `and ${count} or more other problems`,

  // Keys, maps and lists.
  'config.secret-key': ({ word }: { word: string }) =>
    `${word} looks like a secret, and secrets do not belong in this file: put it into a file of its own that only the service can read, and name that file in nemo.token_file, or set NEMO_TOKEN in the environment`,
  'config.secret-key-http': ({ word }: { word: string }) =>
    `${word} looks like a secret, and secrets do not belong in this file: put it into a file of its own that only the service can read, and name that file in http.token_file`,
  'config.unknown-key': (p: { word: string; keys: string }) => `unknown key ${p.word}; the keys here are ${p.keys}`,
  'config.unknown-key-but': (p: { word: string; near: string }) => `unknown key ${p.word}; did you mean "${p.near}"?`,
  'config.unknown-key-home': (p: { word: string; homes: string }) =>
    `unknown key ${p.word}; it belongs under ${p.homes}`,
  'config.unknown-variable': ({ known }: { known: string }) => `is not a setting; there are ${known}`,
  'config.unknown-variable-but': ({ near }: { near: string }) => `is not a setting; did you mean "${near}"?`,
  'config.correct-variables': 'Correct these variables of the container, and start it again.',
  'config.nothing': 'nothing',
  'config.a-list': 'a list',
  'config.a-map': 'a map',
  'config.the-configuration': 'the configuration',
  'config.a-folder': 'a folder',
  'config.a-rule': 'a rule',
  'config.a-notification': 'a notification',
  'config.a-command': 'a command',
  'config.a-mount': 'a mount',
  'config.not-a-map': (p: Value & { what: string }) => `${p.value} is not ${p.what}; write "key: value" lines`,
  'config.list-no-value': ({ what }: { what: string }) =>
    `has no value; start each of the ${what} with "- ", or remove the line`,
  'config.list-wrong': (p: Value & { what: string }) => `${p.value} is not a list of ${p.what}; start each with "- "`,
  'config.list-empty': ({ what }: { what: string }) =>
    `is an empty list; add an entry, or remove the line to use the built-in ${what}`,
  'config.not-list-of': (p: Value & { what: string }) => `${p.value} is not a list of ${p.what}`,
  'config.notify-addresses': 'web addresses to notify',
  'config.commands': 'commands',
  'config.mounts': 'mounts',

  // Folders that are in each other's way.
  'config.folder-of': (p: { kind: string; index: number; path: string }) =>
    `the ${p.kind} of folders[${p.index}] (${p.path})`,
  'config.same-folder': ({ its }: { its: string }) => `is the same folder as ${its}; remove one of the two`,
  'config.inside-folder': ({ its }: { its: string }) => `is inside ${its}; its files would be processed twice`,
  'config.contains-folder': ({ its }: { its: string }) => `contains ${its}; its files would be processed twice`,
  'config.is-folder': (p: { its: string; because: string }) => `is ${p.its}; ${p.because}`,
  'config.is-inside-folder': (p: { its: string; because: string }) => `is inside ${p.its}; ${p.because}`,
  'config.because-state': 'its working files would be processed like dropped videos',
  'config.because-outbox': 'results would be compressed again and again',
  'config.because-archive': 'archived originals would be processed again',
  'config.library-inside-archive': ({ its }: { its: string }) =>
    `is inside ${its}; originals could be archived into the library`,
  'config.inside-state': ({ path }: { path: string }) =>
    `is inside state_dir (${path}), which is for shrinkbox's own files only`,
  'config.needs-archive': 'archive needs a folder to move originals to: add a line like "archive: ./archive" here',

  // Libraries.
  'config.for-inboxes': 'is for folders with an inbox; a library has none, so remove this line',
  'config.for-libraries': 'is for libraries; remove this line',
  'config.replace-here': 'replace is for libraries; write keep, archive or delete',
  'config.archive-unused': 'is not used with originals: replace; remove one of the two lines',
  'config.replace-backup':
    'replace keeps nothing of the originals, and nobody can take that back: add "i_have_a_backup: true" if that is so, or write archive',
  'config.not-for-library': ({ word }: { word: string }) =>
    `${word} is not for a library, where results take the places of originals; write archive`,
  'config.library-archive':
    'needs a folder outside of it for the originals: add a line like "archive: /srv/originals" here',
  'config.library-rule': (p: { name: string; why: string }) =>
    `its rule "${p.name}" ${p.why}, and a library is done on this machine, whole films under their own names: give it other rules with a line like "rules: [NAME]" here`,
  'config.by-engine': ({ engine }: { engine: string }) => `is done by the engine ${engine}`,
  'config.by-another': 'is done by another engine',
  'config.has-instruction': 'has an instruction',
  'config.names-results': 'names its results',

  // Addresses, the cloud, devices, commands and the fleet.
  'config.a-listen-address': 'an address to listen on',
  'config.a-web-address': 'a web address',
  'config.url-user': ({ value }: Value) => `${value} contains a user name or password; remove it`,
  'config.url-plain': ({ value }: Value) => `${value} would send the token unencrypted; use https://`,
  'config.url-path': ({ value }: Value) => `${value} must end with its path: no user, no password, no ? and no #`,
  'config.a-client-id': 'a client id',
  'config.client-id-write': 'a UUID',
  'config.bad-header': 'must be 1 to 64 plain characters without spaces',
  'config.a-language': 'a language',
  'config.language-write': 'a tag like en or zh-CN',
  'config.bad-language': 'is not a language; write a tag like en or zh-CN',
  'config.a-device': 'a device',
  'config.device-write': 'a path like /dev/dri/renderD128',
  'config.bad-device': 'is not a device; write a path like /dev/dri/renderD128, or a number',
  'config.events-write': 'a list of done, held and failed',
  'config.run-missing':
    'is missing; write the program and its arguments one by one, like [rclone, copy, /srv/outbox, cloud:videos]',
  'config.run-not-list': ({ value }: Value) =>
    `${value} is not a list; write the program and its arguments one by one, like [rclone, copy, /srv/outbox, cloud:videos]`,
  'config.run-not-text': ({ value }: Value) => `${value} is not text; put it into quotes`,
  'config.run-empty': 'is empty; write the program and its arguments',
  'config.run-no-program': 'has no program; write it first',
  'config.run-bad-character': 'has a character that no argument can have',
  'config.half-certificate': ({ lacks }: { lacks: string }) =>
    `has only one of tls_cert and tls_key; add ${lacks}, or remove the other`,
  'config.no-fleet':
    'fleet needs a queue and an address for its workers: add a section like "fleet: {queue: rediss://nas:6380}"',
  'config.a-queue': 'the address of a queue',
  'config.queue-user': ({ value }: Value) =>
    `${value} contains a user name or password; put it into fleet.password_file`,
  'config.queue-plain': ({ value }: Value) =>
    `${value} would send the password and the work unencrypted; use rediss://, or a queue on this machine`,
  'config.a-daemon': 'the address of a daemon',
  'config.worker-name-write': 'a short name like desk',
  'config.bad-worker-name': 'is not a name for a worker; use up to 32 small letters, digits and hyphens',
  'config.codecs-write': 'a list of h264, h265 and av1',
  'config.mount-write': 'the folder as the daemon calls it',
};
