import { ShrinkError } from '../core/errors.ts';
import type { Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { escapeForTerminal } from '../core/escape.ts';

export const defineNotifyTest: Define = (program, action) => {
  program
    .command('notify-test')
    .description('send a test notification to every address under notify in the configuration')
    .addHelpText('after', '\nThe exit code is 3 when one of them could not be reached or refused it.')
    .action(
      action(async context => {
        const config = await context.loadConfig();
        if (config.notify.length === 0) {
          throw new ShrinkError('usage', 'no notifications are configured', {
            hint: 'Add to the configuration, for example: notify: [{ url: "https://ntfy.sh/my-topic" }]',
          });
        }
        const [{ testNotify }, { createHttp }] = await Promise.all([
          import('../notify/notify.ts'),
          import('../platform/http.ts'),
        ]);
        const http = createHttp();
        const results = await testNotify(config.notify, http).finally(() => http.close());
        if (context.json) context.printJson(results);
        else
          for (const { url, ok, said } of results)
            context.print(
              `${ok ? context.paint('green', 'ok  ') : context.paint('red', 'bad ')}  ${escapeForTerminal(url)}: ${escapeForTerminal(said)}`,
            );
        return results.every(({ ok }) => ok) ? EXIT.fine : EXIT.unfinished;
      }),
    );
};
