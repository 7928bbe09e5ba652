// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/login.h"

#include <stdio.h>
#include <string.h>

#include "dashboard/answer.h"
#include "api/clock.h"

// Paths are relative, so that a proxy may put the server below one of its own.
static const char page[] =
	"<!doctype html>\n"
	"<html lang=\"en\"><head><meta charset=\"utf-8\"><title>weir: log in</title>\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<link rel=\"stylesheet\" href=\"login.css\"></head>\n"
	"<body><main><h1>weir</h1><form method=\"post\" action=\"login\">\n"
	"<label for=\"token\">Token</label>\n"
	"<input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" required autofocus>\n"
	"<button>Log in</button>%s</form>\n"
	"<p class=\"hint\">The token is in the file that weir-dashboard was started with (--token-file).</p>\n"
	"</main></body></html>\n";

static const char style[] =
	":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\n"
	"body{margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;color:CanvasText}\n"
	"main{width:min(22rem,90vw)}h1{font-size:1.5rem;letter-spacing:.05em}\n"
	"form{display:grid;gap:.75rem}label{font-weight:600}\n"
	"input,button{font:inherit;padding:.6rem .75rem;border-radius:.4rem;border:1px solid GrayText}\n"
	"button{background:#1f6feb;border-color:#1f6feb;color:#fff;cursor:pointer}\n"
	":focus-visible{outline:3px solid #58a6ff;outline-offset:2px}\n"
	".wrong{color:#d1242f;margin:0}.hint{color:GrayText;font-size:.875rem}\n";

enum MHD_Result login_show(struct MHD_Connection *connection, unsigned status) {
	const char *failure = "";
	if (status == MHD_HTTP_UNAUTHORIZED)
		failure = "<p class=\"wrong\" role=\"alert\">That is not the token.</p>";
	else if (status == MHD_HTTP_TOO_MANY_REQUESTS)
		failure = "<p class=\"wrong\" role=\"alert\">Too many wrong tokens came from your address: wait a few "
			  "seconds.</p>";
	else if (status != MHD_HTTP_OK)
		failure = "<p class=\"wrong\" role=\"alert\">No session can be opened now.</p>";
	return answer_send(
		connection, &(struct answer){.status = status, .type = ANSWER_HTML}, body_format(page, failure));
}

enum MHD_Result login_show_style(struct MHD_Connection *connection) {
	return answer_send(connection, &(struct answer){.status = MHD_HTTP_OK, .type = "text/css; charset=utf-8"},
		body_format("%s", style));
}

// The value of `token` in a form's body, decoded in place; NULL: there is none.
static char *form_token(char *upload) {
	static const char name[] = "token=";
	char *value = strncmp(upload, name, strlen(name)) == 0 ? upload : strstr(upload, "&token=");
	if (value == NULL)
		return NULL;
	value = strchr(value, '=') + 1;
	value[strcspn(value, "&\r\n")] = '\0';
	for (char *plus = value; (plus = strchr(plus, '+')) != NULL;)
		*plus = ' ';
	MHD_http_unescape(value);
	return value;
}

static enum MHD_Result send_to(struct MHD_Connection *connection, const char *location, const char *cookie) {
	struct answer answer = {
		.status = MHD_HTTP_SEE_OTHER, .type = ANSWER_TEXT, .location = location, .cookie = cookie};
	return answer_send(connection, &answer, body_format("see %s\n", location));
}

enum MHD_Result login_take(struct server *server, struct MHD_Connection *connection, char *upload) {
	static const unsigned refusals[] = {
		[AUTH_STRANGER] = MHD_HTTP_UNAUTHORIZED, [AUTH_HELD] = MHD_HTTP_TOO_MANY_REQUESTS};
	char id[SESSION_ID_SIZE], cookie[256];
	const char *token = form_token(upload);
	uint64_t mono_s = clock_mono_ns() / NS_PER_S;
	enum auth_verdict verdict =
		auth_try(&server->auth, token != NULL ? token : "", answer_peer_of(connection), mono_s);
	if (verdict != AUTH_ALLOWED)
		return login_show(connection, refusals[verdict]);
	if (session_open(&server->auth.sessions, mono_s, id) != 0)
		return login_show(connection, MHD_HTTP_SERVICE_UNAVAILABLE);
	snprintf(cookie, sizeof(cookie), AUTH_COOKIE "=%s; HttpOnly; SameSite=Strict; Max-Age=%d", id, SESSION_S);
	return send_to(connection, "./", cookie);
}

enum MHD_Result login_end(struct server *server, struct MHD_Connection *connection, uint64_t session) {
	session_close(&server->auth.sessions, session);
	return send_to(connection, "login", AUTH_COOKIE "=; HttpOnly; SameSite=Strict; Max-Age=0");
}
