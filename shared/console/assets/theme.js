// Light or dark: as the system has it, until the person chooses.

import { signal } from './vendor/signals.js';

const KEY = 'hookline-theme';
const system = matchMedia('(prefers-color-scheme: dark)');
let chosen = localStorage.getItem(KEY);

export const theme = signal('light');

function apply() {
  theme.value = chosen ?? (system.matches ? 'dark' : 'light');
  if (chosen) document.documentElement.dataset.theme = chosen;
}

export function switchTheme() {
  chosen = theme.value === 'dark' ? 'light' : 'dark';
  localStorage.setItem(KEY, chosen);
  apply();
}

system.addEventListener('change', apply);
apply();
