import { expect, it } from 'vitest';
import { say } from '../../src/messages/say.ts';
import { inChinese } from '../../src/messages/zh/index.ts';

it.each(['the connection was lost', 'the service rejected it: "No."', 'it failed.', 'Really?'])(
  'ends %j with one full stop within a longer text (was: two)',
  why => {
    const said = say('nemo.outcome-unknown', { why });
    for (const text of [said.text, inChinese(said) ?? '']) {
      expect(text).not.toMatch(/[.!?。！？]["”']?[.。]/u);
      expect(text).toContain(why);
    }
  },
);
