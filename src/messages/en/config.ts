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
};
