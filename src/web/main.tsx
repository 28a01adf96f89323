/**
 * Room: the page, as a browser runs it. It knows the daemon only through the HTTP API. May import the API's types, the Chinese
 * messages, and core's formatting and escaping.
 */
import { render } from 'preact';
import { enterByLink } from './access.ts';
import { App } from './app.tsx';
import { firstLanguage, learn } from './language.ts';
import { watchForShared } from './shared.ts';
import './style.css';

void watchForShared();
const place = document.getElementById('page');
const [isIn] = await Promise.all([enterByLink(), learn(firstLanguage())]);
if (place) render(<App wasLinkOver={!isIn} />, place);
