-- Rows of every table, as this version of the service wrote them. The tables are those of schema_9.sql.

INSERT INTO counters (name, value)
VALUES ('policy', 1);
INSERT INTO counters (name, value)
VALUES ('webhook', 4);
INSERT INTO accounts (num, id, name, admin_mails, time_zone, custom_url, disabled, created_at, webhooks, patterns)
VALUES (1, 'main', 'Main', '', 'UTC', NULL, 0, 1795660544955, 0, 0);
INSERT INTO accounts (num, id, name, admin_mails, time_zone, custom_url, disabled, created_at, webhooks, patterns)
VALUES (2, 'wdc', 'Widget Data Center', 'admin@example.com', 'Europe/Amsterdam', 'https://wdc.example', 0, 1795660546925, 4, 3);
INSERT INTO gone_accounts (num, empty_since)
VALUES (3, 1795660550000);
INSERT INTO data_keys (account, key, wrapped)
VALUES (2, 1, x'01010269144661101128059428f4d59c4466d3a1b4afc81a3e6e7f3aa0ca482f5dd53d4ae51697b49ff627b266830fada598d1627e0facf0bbc7db7e5f96');
INSERT INTO key_check (one, sealed)
VALUES (1, x'01014494826e4be229c38540bfdfa28e5798d3e671ca836d1698515da85d064e0731df35bb56');
INSERT INTO tokens (num, id, hash, account, person_id, person_name, role, created_at, expires_at, parent)
VALUES (1, x'01a215b57bbe7325909e7ebfbf3b9be0', x'dfbb18b138e237502320703619d94b422c7b91885604c345c69a8ccc9ed805ef', 1, 1, 'Administrator', 'administrator', 1795660544958, NULL, NULL);
INSERT INTO tokens (num, id, hash, account, person_id, person_name, role, created_at, expires_at, parent)
VALUES (2, x'01a215b583a47728a8dd931679c19680', x'1307b524f6d4dc36d0df0f478bd50f90ac8b84b70d4ff7a46315b9e8345f6185', 2, 6, 'Ada', 'administrator', 1795660546980, NULL, NULL);
INSERT INTO tokens (num, id, hash, account, person_id, person_name, role, created_at, expires_at, parent)
VALUES (3, x'01a215b583bf75cc9625486e4a793437', x'd8c1dbd74693d2edcf82a3759ba1072a5cf950ed5b1a5d57805a499166bcf499', 2, 1, 'Bo', 'publisher', 1795660547007, 1803436547006, NULL);
INSERT INTO webhooks (id, account, host_hash, record, description, attachments)
VALUES (1, 2, 2999619161673110218, '{"id":1,"account":"wdc","event":"request.create","uri":"http://ada:***@127.0.0.1:18777/ok?x=1","name":"ok","mail_exceptions_to":"ops@example.com","policy":1,"source":"Python-urllib/3.11","trace":true,"header_names":["X-Key"],"secrets":"AQE0ObqBsJXf7p9i5O4PjFhaBCsT9t31oARe6oy7PCNNPLKic3e1YlhyhAbGptFFKALYsiytk5YPXP7kI1AKjyEpASY67Pt17HP3JG5kELW5HInZp5rqEPQh3T3kUc7jkS2OaO1RHlTWFytqxb8m72qnOPriCIil5h+EwgXQCNHduHg2UgJbShAtJGaCdP9C4BqSQsRx6fqZwA==","secrets_version":1,"verified":true,"created_at":1795660547052,"updated_at":1795660547052,"version":1}', 'd', '[{"id":1,"key":"wdc/5f0c1d3e-8a1b-4c6d-9e2f-00000000000a","name":"plan.pdf","size":3,"inline":false,"created_at":"2026-11-26T02:35:47.052Z"}]');
INSERT INTO webhooks (id, account, host_hash, record, description, attachments)
VALUES (2, 2, 2999619161673110218, '{"id":2,"account":"wdc","event":"request.* risk.create","uri":"http://127.0.0.1:18777/bad","name":"bad","source":"Python-urllib/3.11","secrets":"AQGlhF54gIqy6LFaEzIT9Tyz7KFeAVENugWU5mDzHlyXFC75vFyFMwRQTiT7IxVYpA/xVbLNVebXk4BN8q7hDSaV0wjOGEOetB3mS7iLWyh8oI8cTkPWZfZti85hEKxXUSAETS9z17folRz3Xg5RxYW/MBXopptCd8bBBl5byHEFccBZ3lEKCrXASu/VIRw2bwzi","secrets_version":1,"verified":true,"created_at":1795660547054,"updated_at":1795660547054,"version":1}', NULL, '[]');
INSERT INTO webhooks (id, account, host_hash, record, description, attachments)
VALUES (3, 2, -7745498438105759479, '{"id":3,"account":"wdc","event":"*","uri":"http://127.0.0.1:18778/busy","name":"busy","source":"Python-urllib/3.11","secrets":"AQEpj2hX4Uf5dcsTGFmPwG/hUXQueXEceMF8t08RCMD4dk8VBOWPFV90XmBkg3PEYQPlyhpB/qVevq44W4QuGsb+ihWbHg84qv1wg5nWhTDjhgngDCzf5ESv53jvhJoxw22rLJbR96ZZXVRF6mK9+lGNiWdBVKgH9hzPB81iGy31w7OUptwCGXbhtUhCte2wuq1J","secrets_version":1,"verified":true,"created_at":1795660547059,"updated_at":1795660547059,"version":1}', NULL, '[]');
INSERT INTO webhooks (id, account, host_hash, record, description, attachments)
VALUES (4, 2, 2999619161673110218, '{"id":4,"account":"wdc","event":"*","uri":"http://127.0.0.1:18777/ok","name":"off","disabled":true,"disabling":{"by":"failures","at":1795660547000},"source":"Python-urllib/3.11","secrets":"AQERkpE1E/LAOdmU4EZlK9HkILLymr4J/Pf38DUvkWoqBrPWFWWaRL2FJoudVaqiUugzEvSa3b0kqvvQ+ODzZ0bnGofMdjrMw77s8hOZGtcZ3kSFQveOC++q8eOnr20yHU3aaTlNIlIRQku4CFg/zX/CETQuwTwTWPB+/UorFPnrGKs3dPePN3XSolidmF9KsPwn","secrets_version":1,"verified":true,"created_at":1795660547067,"updated_at":1795660550114,"version":3}', NULL, '[]');
INSERT INTO subscriptions (account, event, webhook)
VALUES (2, '*', 3), (2, '*', 4), (2, 'request.*', 2), (2, 'request.create', 1), (2, 'risk.create', 2);
INSERT INTO policies (id, account, record)
VALUES (1, 2, '{"id":1,"account":"wdc","name":"2683680b0fa1843d62df8f3b29595b8f50f1ecc326162115cd85bc82","algorithm":"es256","audience":"aud","expires_in":5,"keys":[{"number":1,"kid":"4c664bd5-000f-4c49-85a4-4c9e6588ff4d","public":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEFwAAEGDWR3WivcZ15hVojuqq4LNg5C6/OcRPhRB2MxM0GQ7m86AZK4/TcdHKTB6ZOc8SXz9pxB13jjY05zm8RA==","sealed":"AQFamtHm28AR7Y3zryE2GUcfc2z7lrJShJhX1ycu2ZneaKaE6cUvwOLR7dCOcjaQmA5PDucoPFo7eGCZV1mShD479H7DcZcOEjr06+hqziyAbz+CREFbvOXiIyxBYpAFtLZ56RX3nG+pRDQZQNyq46fJ+P066b8bpmIed8aXYx350JVPZpKfNiz5BGGykzi6HDdvuW+r6QlEFuf7awxL08iTzsOsnS+w","published_at":"2026-11-26T02:35:47.048Z","with_discovery_from":"2026-11-26T02:35:47.048Z","without_discovery_from":"2026-11-26T02:35:47.048Z"}],"created_at":1795660547048,"updated_at":1795660547048,"version":1}');
INSERT INTO audit (num, account, subject, record, action, created_at, person_id, person_name, changes)
VALUES (1, 2, 1, 1, 'create', 1795660547050, 6, 'Ada', '{"activated_kid":[null,"4c664bd5-000f-4c49-85a4-4c9e6588ff4d"],"disabled":[null,false],"jwt_alg":[null,"es256"],"jwt_audience":[null,"aud"],"jwt_claim_expires_in":[null,5],"kid":[null,"4c664bd5-000f-4c49-85a4-4c9e6588ff4d"],"name":[null,"2683680b0fa1843d62df8f3b29595b8f50f1ecc326162115cd85bc82"],"signs_with_discovery_from":[null,"2026-11-26T02:35:47.048Z"]}');
INSERT INTO audit (num, account, subject, record, action, created_at, person_id, person_name, changes)
VALUES (2, 2, 0, 1, 'create', 1795660547053, 6, 'Ada', '{"description":[null,"d"],"disabled":[null,false],"event":[null,"request.create"],"headers":[null,{"X-Key":"changed"}],"mail_exceptions_to":[null,"ops@example.com"],"name":[null,"ok"],"openid_connect_discovery":[null,false],"source":[null,"Python-urllib/3.11"],"uri":[null,"http://ada:***@127.0.0.1:18777/ok?x=1"],"uri_password":[null,"changed"],"verified":[null,true],"webhook_policy_id":[null,1]}');
INSERT INTO audit (num, account, subject, record, action, created_at, person_id, person_name, changes)
VALUES (3, 2, 0, 2, 'create', 1795660547055, 6, 'Ada', '{"disabled":[null,false],"event":[null,"request.*"],"name":[null,"bad"],"openid_connect_discovery":[null,false],"source":[null,"Python-urllib/3.11"],"uri":[null,"http://127.0.0.1:18777/bad"],"verified":[null,true]}');
INSERT INTO audit (num, account, subject, record, action, created_at, person_id, person_name, changes)
VALUES (4, 2, 0, 3, 'create', 1795660547062, 6, 'Ada', '{"disabled":[null,false],"event":[null,"*"],"name":[null,"busy"],"openid_connect_discovery":[null,false],"source":[null,"Python-urllib/3.11"],"uri":[null,"http://127.0.0.1:18778/busy"],"verified":[null,true]}');
INSERT INTO audit (num, account, subject, record, action, created_at, person_id, person_name, changes)
VALUES (5, 2, 0, 4, 'create', 1795660547078, 6, 'Ada', '{"disabled":[null,true],"event":[null,"*"],"name":[null,"off"],"openid_connect_discovery":[null,false],"source":[null,"Python-urllib/3.11"],"uri":[null,"http://127.0.0.1:18777/ok"],"verified":[null,true]}');
INSERT INTO audit (num, account, subject, record, action, created_at, person_id, person_name, changes)
VALUES (6, 2, 0, 4, 'update', 1795660550114, 6, 'Ada', '{"disabled":[true,false]}');
INSERT INTO event_types (num, account, name, created_at, updated_at, version, schema_mode, description, schema, example)
VALUES (1, 2, 'widget.made', 1795660547042, 1795660547050, 2, 'enforce', 'A widget', '{"required":["a"]}', '{"a":1.50}');
INSERT INTO health (webhook, last_error, failures, first_failure_at)
VALUES (2, '500 Internal Server Error', 1, 1795660547108);
INSERT INTO health (webhook, last_error, failures, first_failure_at)
VALUES (3, '503 Service Unavailable', 1, 1795660547108);
INSERT INTO hosts (account, host, hash, record, throttled_at, held_until, changed_at)
VALUES (2, 'http://127.0.0.1:18778', -7745498438105759479, '{"run":1,"offenders":[],"held_until":1795663547108}', NULL, 1795663547108, 1795660547108);
INSERT INTO notices (webhook, sent_at, failed, dropped, disabled_sent_at, recovered_sent_at)
VALUES (2, 1795660547118, 0, 0, 1795660547118, 0);
INSERT INTO notices (webhook, sent_at, failed, dropped)
VALUES (3, 0, 1, 0);
INSERT INTO mail_addresses (account, address, sent_at)
VALUES (2, 'admin@example.com', 1795660547118);
INSERT INTO mail_days (account, day, sent, addressees)
VALUES (2, 20783, 2, 2);
INSERT INTO mail_batches (account, name, due, lease, content)
VALUES (2, 'digest 498794', 1795662000000, 0, '{"counts":{"failed":1},"missed":0,"webhooks":[3],"more":false}');
INSERT INTO events (num, account, id, name, accepted_at, head, payload)
VALUES (1, 2, 'e-1', 'request.create', 1795660547083, '{"id":"e-1","account":"wdc","event":"request.create","object_id":7,"object_type":"Request","person_id":6,"person_name":"Ada","links":{"canonical":"https://x.example/7"},"webhook":null,"trace":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","accepted_at":"2026-11-26T02:35:47.083Z"}', x'7b2261223a312e35307d');
INSERT INTO fan_outs (event, lease, after, matched)
VALUES (1, 0, NULL, x'000000000000000100000000000000020000000000000003');
INSERT INTO events_queue (account, event, due)
VALUES (2, 1, 1795660547083);
INSERT INTO attempts (account, host, webhook, class, due, num, event, began, ticket)
VALUES (2, -7745498438105759479, 3, 0, 1795663547108, 4, 1, 1795660547083, '{"n":"busy","d":1795663547108,"c":"https://wdc.example","a":2,"t":"01a215b5-840b-8c29-9300-000003275ec6"}');
INSERT INTO attempts (account, host, webhook, class, due, num, event, began, ticket)
VALUES (2, 4, 0, 0, 1795664147000, 900, NULL, 1795664147000, '{"recovery":{"account":"wdc","webhook":4,"disabled_at":"2026-11-26T02:35:47Z","number":0,"due_at":"2026-11-26T03:35:47Z"}}');
INSERT INTO attempts (account, host, webhook, class, due, num, event, began, ticket)
VALUES (2, 77, 0, 0, 1795660547083, 900, NULL, 1795660547083, '{"redelivery":{"job":"bdf38086-b1e1-4688-8ff0-f5227003a7c2","account":"wdc","redelivered":0,"due_at":"2026-11-26T02:35:50.123Z"}}');
INSERT INTO attempts (account, host, webhook, class, due, num, event, began, ticket)
VALUES (2, 2999619161673110218, 2, 0, 1795660562578, 5, 1, 1795660547083, '{"n":"bad","d":1795660562578,"c":"https://wdc.example","a":2,"t":"01a215b5-840b-8c93-a200-000002536c23"}');
INSERT INTO claims (message, run, attempt, lease, final)
VALUES (x'019a0000000000000001000000000001', 0, 2, 1795660547083, 1);
INSERT INTO redeliveries (id, account, record)
VALUES (x'0d0c4f4e5f0f4c0d8a4e3b1d2c3b4a59', 2, '{"id":"0d0c4f4e-5f0f-4c0d-8a4e-3b1d2c3b4a59","account":"wdc","webhook":1,"wanted":{"since":"2026-11-26T02:35:47Z","outcomes":["dropped","cancelled"]},"run":58840204906968290,"created_at":1795660551000,"matched":7,"more":true,"progress":{"state":"running","after":"01a215b5-840b-8d76-a300-000001e619d6","redelivered":3}}');
INSERT INTO redeliveries (id, account, record)
VALUES (x'bdf38086b1e146888ff0f5227003a7c2', 2, '{"id":"bdf38086-b1e1-4688-8ff0-f5227003a7c2","account":"wdc","webhook":4,"wanted":{"outcomes":["skipped"]},"run":58840204906968289,"created_at":1795660550139,"matched":0,"progress":{"state":"done","redelivered":0,"finished_at":1795660550142}}');
INSERT INTO deliveries (account, webhook, id, outcome, run, attempt, kind, created_at, webhook_name, event, event_id, event_name, message, custom_url, retry_of, redelivery_of, next_attempt_at, error_class, error, status, response_headers, response_body, uri, sent_at, header_names, timings, address, jwt, trace)
VALUES (2, 1, x'01a215b5840b8d76a300000001e619d6', 1, 0, 1, 0, 1795660547093, 'ok', 1, NULL, NULL, NULL, 'https://wdc.example', NULL, NULL, NULL, NULL, NULL, 200, '[["server","BaseHTTP/0.6 Python/3.11.7"],["date","Thu, 26 Nov 2026 02:35:47 GMT"],["content-length","2"]]', NULL, 'http://ada:***@127.0.0.1:18777/ok?x=1', 1795660547, 'X-Key', '- 13083 - 1351 14561', '127.0.0.1:18777', '{"alg":"es256","kid":"4c664bd5-000f-4c49-85a4-4c9e6588ff4d","jti":"9cd67484c0920beab694893eb9d7cb3b1c1c18f75d526c35ab551f9a0df7c80b","exp":5,"aud":"aud"}', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
INSERT INTO deliveries (account, webhook, id, outcome, run, attempt, kind, created_at, webhook_name, event, event_id, event_name, message, custom_url, retry_of, redelivery_of, next_attempt_at, error_class, error, status, response_headers, response_body, uri, sent_at, header_names, timings, address, jwt)
VALUES (2, 1, x'01a215b58bef889092000000018779d5', 1, 0, 1, 1, 1795660549107, 'ok', NULL, '01a215b5-8bef-76b7-bd2d-f60fe9b45ba2', 'request.create', x'01a215b58bef00000001dbdc6b771d73', 'https://wdc.example', NULL, NULL, NULL, NULL, NULL, 200, '[["server","BaseHTTP/0.6 Python/3.11.7"],["date","Thu, 26 Nov 2026 02:35:49 GMT"],["content-length","2"]]', NULL, 'http://ada:***@127.0.0.1:18777/ok?x=1', 1795660549, 'X-Key', '- 364 - 578 1109', '127.0.0.1:18777', '{"alg":"es256","kid":"4c664bd5-000f-4c49-85a4-4c9e6588ff4d","jti":"21ab6e69ed1b3d1495c8f49e7cd45603c99381a2ae71d144e539057320d6fe64","exp":5,"aud":"aud"}');
INSERT INTO deliveries (account, webhook, id, outcome, run, attempt, kind, created_at, webhook_name, event, event_id, event_name, message, custom_url, retry_of, redelivery_of, next_attempt_at, error_class, error, status, response_headers, response_body, uri, sent_at, header_names, timings, address, jwt)
VALUES (2, 2, x'01a215b5840b8c93a200000002536c23', 2, 0, 1, 0, 1795660547095, 'bad', 1, NULL, NULL, NULL, 'https://wdc.example', NULL, NULL, 1795660562578, 7, '500 Internal Server Error', 500, '[["server","BaseHTTP/0.6 Python/3.11.7"],["date","Thu, 26 Nov 2026 02:35:47 GMT"],["content-length","2"]]', 'no', 'http://127.0.0.1:18777/bad', 1795660547, NULL, '- 419 - 12131 12618', '127.0.0.1:18777', NULL);
INSERT INTO deliveries (account, webhook, id, outcome, run, attempt, kind, created_at, webhook_name, event, event_id, event_name, message, custom_url, retry_of, redelivery_of, next_attempt_at, error_class, error, status, response_headers, response_body, uri, sent_at, header_names, timings, address, jwt)
VALUES (2, 3, x'01a215b5840b8c299300000003275ec6', 2, 0, 1, 0, 1795660547096, 'busy', 1, NULL, NULL, NULL, 'https://wdc.example', NULL, NULL, 1795663547108, 7, '503 Service Unavailable', 503, '[["server","BaseHTTP/0.6 Python/3.11.7"],["date","Thu, 26 Nov 2026 02:35:47 GMT"],["content-length","2"],["retry-after","3000"]]', 'no', 'http://127.0.0.1:18778/busy', 1795660547, NULL, '- 75 - 11453 11603', '127.0.0.1:18778', NULL);
INSERT INTO attachments (num, key, account, secret, created_at, name, size, webhook, gone_at)
VALUES (1, 'wdc/5f0c1d3e-8a1b-4c6d-9e2f-00000000000a', 2, x'0101c2f4', 1795660547052, 'plan.pdf', 3, 1, NULL);
INSERT INTO counts (account, hour, webhook, record)
VALUES (2, 498794, 0, '{"succeeded":1,"failed":2,"dropped":0,"cancelled":0,"skipped":0,"durations":[0,1,2,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}');
INSERT INTO counts (account, hour, webhook, record)
VALUES (2, 498794, 1, '{"succeeded":1,"failed":0,"dropped":0,"cancelled":0,"skipped":0,"durations":[0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}');
INSERT INTO skipped (account, id, event, custom_url, webhooks)
VALUES (2, x'01a215b5840b88479400000004f1b141', 1, 'https://wdc.example', x'01116f6666');
INSERT INTO tokens (num, id, hash, account, person_id, person_name, role, created_at, expires_at, parent, scope)
VALUES (4, x'01a215b583bf75cc9625486e4a793438', x'd8c1dbd74693d2edcf82a3759ba1072a5cf950ed5b1a5d57805a499166bcf490', 2, 6, 'Ada', 'auditor', 1795660547010, 1795664147010, x'01a215b583a47728a8dd931679c19680', 1);
INSERT INTO console_links (hash, account, expires_at, record)
VALUES (x'6a7f1c64a3b86e60ee6ab1de8ec5ba5a1b0e19d24e7c5ea98cbbd3eac0ebc2aa', 2, 1795660847010, '{"parent":"01a215b5-83a4-7728-a8dd-931679c19680","person":{"id":6,"name":"Ada"},"role":"auditor","webhook":1,"minutes":60,"created_at":1795660547010,"expires_at":1795660847010}');
