import { describe, expect, it } from 'vitest';
import { runCli } from './support/cli.ts';

describe('--help', () => {
  it('names every command and every exit code', async () => {
    const { code, out, err } = await runCli(['--help']);
    expect([code, err]).toEqual([0, '']);
    for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command[0]}\\b`, 'm'));
    for (const exit of [0, 1, 2, 3, 10, 11, 12, 13, 14, 130]) expect(out).toMatch(new RegExp(`^  ${exit} +\\S`, 'm'));
  });

  const COMMANDS: [string, ...string[]][] = [
    ['run', '--once'],
    ['compress', '--size', '--resolution', '--engine', '--ask', '-o, --output'],
    ['status', '--watch'],
    ['jobs', '--state'],
    ['job', '<id>'],
    ['explain', '<file>'],
    ['retry', '[id...]'],
    ['cancel', '[id...]'],
    ['forget', '<id...>'],
    ['restore', '[id...]'],
    ['pause'],
    ['resume'],
    ['drain'],
    ['check', '--schema'],
    ['doctor'],
    ['init', '[dir]'],
    ['ask', '<words>', '--job'],
    ['credits'],
    ['timeline', '--job'],
    ['export', '--job'],
    ['upload', '<file-or-url>', '--job'],
  ];

  it.each(COMMANDS)('of %s says what it takes, and what every command takes', async (command, ...words) => {
    const { code, out } = await runCli([command, '--help']);
    expect(code).toBe(0);
    for (const word of [...words, '--json', '--config', '--version', '--help']) expect(out).toContain(word);
  });

  it.each([[['--version']], [['jobs', '--version']], [['-V']]])('the version is printed by %j', async argv => {
    expect(await runCli(argv)).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

it('the name alone prints the help (was: "a command is missing")', async () => {
  const [alone, help] = [await runCli([]), await runCli(['--help'])];
  expect(alone).toEqual(help);
  expect(alone).toMatchObject({ code: 0, out: expect.stringContaining('Commands:') });
});

describe('a command line that is wrong ends with 2 and says why', () => {
  it.each<[string, string[], string]>([
    ['no command', ['--json'], 'a command is missing'],
    ['an unknown command', ['statsu'], 'Did you mean status?'],
    ['a configuration named like a command', ['--config', 'run', 'statsu'], 'Did you mean status?'],
    ['an unknown option', ['jobs', '--stat', 'done'], 'Did you mean --state?'],
    ['an unknown global option', ['--jason', 'jobs'], 'Did you mean --json?'],
    ['an unknown state', ['jobs', '--state', 'tired'], 'States are: queued'],
    ['a missing argument', ['job'], "missing required argument 'id'"],
    ['an argument too many', ['status', 'now'], 'too many arguments'],
    ['a missing value', ['jobs', '--state'], 'argument missing'],
    ['a size nobody can mean', ['compress', 'a.mp4', '--size', '50'], 'Write 50MB, 10MiB or 25%.'],
    [
      'a unit in the wrong case',
      ['compress', 'a.mp4', '--size', '100KB'],
      'Units are case sensitive: kB is 1000 bytes',
    ],
    ['a size of nothing', ['compress', 'a.mp4', '--size', '0MB'], 'Write 50MB, 10MiB or 25%.'],
    ['a share over the whole', ['compress', 'a.mp4', '--size', '150%'], 'Write 50MB, 10MiB or 25%.'],
    ['a resolution nobody can mean', ['compress', 'a.mp4', '--resolution', 'big'], 'Write 1080p, 720p or 1280x720.'],
    ['an unknown engine', ['compress', 'a.mp4', '--engine', 'warp'], 'Engines are: local, nemo.'],
  ])('%s', async (_, argv, said) => {
    const { code, out, err } = await runCli(argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(said);
    expect(err).not.toContain('    at ');
  });

  it('and in JSON where JSON is asked for', async () => {
    const { code, out, err } = await runCli(['--json', 'statsu']);
    expect([code, out]).toEqual([2, '']);
    expect(JSON.parse(err)).toEqual({
      error: { code: 'usage', message: "unknown command 'statsu'", hint: 'Did you mean status?', exit_code: 2 },
    });
  });

  it('without letting an argument touch the terminal', async () => {
    const { err } = await runCli(['\u001b[2Jjobs\u202e']);
    expect(err).toContain("unknown command '\\u{1b}[2Jjobs\\u{202e}'");
  });
});
