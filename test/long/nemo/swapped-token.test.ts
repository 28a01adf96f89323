import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { setUp } from '../../engine/nemo/support.ts';

describe('a token that a person swaps for another one under way', () => {
  it.each([true, false])(
    'sends nothing twice and uses the old one no more, wherever shrinkbox was then (own sessions: %s)',
    async ownSessions => {
      const tokens = { nmv_usr_old: 'user_1', nmv_usr_new: 'user_2' };
      const { server, restart, order, job } = await setUp({ server: { tokens, ownSessions }, speed: 2000 });
      const whole = job();
      await restart({ token: new Secret('nmv_usr_old') }).run(order(), whole.context);
      for (let dieAfter = 1; dieAfter <= whole.journal.length; dieAfter += 1) {
        const before = { messages: server.messages.length, requests: server.requests.length };
        const workDir = `swap${dieAfter}`;
        const first = job({ workDir, dieAfter });
        await restart({ token: new Secret('nmv_usr_old') })
          .run(order(), first.context)
          .catch(() => {});
        const swapped = server.requests.length;
        const again = job({ workDir, resume: first.records });
        const ended = await restart({ token: new Secret('nmv_usr_new') })
          .run(order(), again.context)
          .then(
            ({ bytes }) => bytes,
            (error: { code: string }) => error.code,
          );
        expect({ dieAfter, ended }).toSatisfy(() => [2048, 'session-gone', 'unconfirmed'].includes(ended as never));
        expect(server.messages.length - before.messages).toBeLessThanOrEqual(1);
        const used = new Set(server.requests.slice(swapped).map(({ authorization }) => authorization));
        expect([...used].filter(header => header !== undefined && header !== 'Bearer nmv_usr_new')).toEqual([]);
      }
    },
  );
});
