import { defineConfig } from 'vite';

/** The page as static files beside the compiled server. Addresses are relative, because a proxy may serve it below a path. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  logLevel: 'warn',
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    // What the program begins with is asked for together; no browser that runs it needs help with that.
    modulePreload: { polyfill: false },
    // Everything is a file: the content security policy allows nothing inline.
    assetsInlineLimit: 0,
    target: 'es2022',
    // How long a build takes is the machine's business.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
});
