// The events that exist in every account, by noun.

const KINDS = {
  automation_rule: '',
  broadcast: 'create update',
  workflow: 'create manager-changed note-added status-changed update',
  ci: 'create update',
  contract: 'create update',
  flsa: 'create update',
  knowledge_article: 'create update',
  organization: 'create update',
  out_of_office_period: 'create update delete',
  person: 'create update',
  problem: 'create manager-changed member-changed note-added status-changed team-changed update',
  product: 'create update',
  project: 'create manager-changed note-added status-changed update',
  project_task: 'create note-added status-changed update',
  release: 'create manager-changed note-added update',
  request: 'agile-board-column-changed create major-incident-status-changed member-changed note-added status-changed team-changed update',
  risk: 'create update note-added status-changed manager-changed',
  service: 'create update',
  service_instance: 'create update',
  service_offering: 'create update',
  sla: 'create update',
  task: 'create member-changed note-added status-changed team-changed update',
  team: 'create update',
  time_entry: 'create update delete',
};

/** @type {string[]} */
export const EVENTS = Object.entries(KINDS).flatMap(([noun, kinds]) => (kinds ? kinds.split(' ').map((kind) => `${noun}.${kind}`) : [noun]));

/** @param {string} event */
export const nounOf = (event) => event.split('.')[0];

/** What a name or pattern matches among the known events. @param {string} pattern @param {string[]} own */
export function matched(pattern, own) {
  const all = [...EVENTS, ...own];
  if (pattern === '*') return all.filter((event) => event !== 'automation_rule');
  if (pattern.endsWith('.*')) return all.filter((event) => event.startsWith(pattern.slice(0, -1)) && event !== 'automation_rule');
  return all.filter((event) => event === pattern);
}
