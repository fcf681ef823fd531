package docs_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
	"passport-agent/internal/pcscdtest"
	"passport-agent/pcsc"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

// patience is how long one command of a page may take.
const patience = 30 * time.Second

const session = "f04bdb47-d3be-4b28-b028-a652feb060b5"

// notRun says of the commands of the pages that this test does not run why it does not.
// What they call of the program is parsed all the same.
var notRun = []struct{ pattern, reason string }{
	{`^scripts/demo$`, "compiles the program a second time; scripts/test runs the demo of the program built that way"},
	{`^scripts/test`, "is what runs this test"},
	{`^scripts/fuzz`, "takes hours; .ci/run runs it in a short form"},
	{`^go build `, "has built the program that runs here"},
	{`^(sudo )?(apt-get|apt|dpkg|dnf|rpm|adduser|loginctl|systemctl|journalctl|install|launchctl|nano|modprobe|cp|tee|ln|groupadd) `, "changes the machine: packages, services, users, files of the system"},
	{`^sudo (-u passport-agent )?(env \S+ )?passport-agent `, "acts on the service that the package installs"},
}

// statuses are those of commands that do not end with 0.
var statuses = []struct {
	pattern string
	status  int
	reason  string
}{
	{`passport-agent trust check`, 7, "the lists of the test are older than they may be"},
}

// languages are those of blocks that hold no commands for the shell.
var languages = []string{"", "text", "json", "ini", "toml", "js", "powershell"}

// begins says what a page takes for granted: what has happened before its first command.
var begins = map[string][]string{
	"docs/administrators.md": {
		// A machine that cannot send has kept a document, as its page says further down.
		"export PASSPORT_AGENT_QUEUE_RECIPIENT=$(grep -o 'age1.*' organisation.key)",
		"passport-agent read --mrz - --defer < mrz.txt",
	},
}

// elsewhere matches commands for another machine than the one before.
var elsewhere = regexp.MustCompile(`passport-agent queue (import|flush --identity) `)

// goesOn matches commands that run until they are ended.
var goesOn = regexp.MustCompile(`passport-agent( --data-dir \S+)? (serve|virtual|sandbox|queue flush .*--follow)`)

// commandLine is a command of a page.
type commandLine struct {
	at, text string
	output   []string // what the page shows of its output, where it shows any
}

// commandLines returns the commands of a page, in their order. Scripts, which are
// files, are held against the shell's grammar only.
func commandLines(t *testing.T, page string) (lines []commandLine, scripts []block) {
	t.Helper()
	blocks, _ := codeBlocks(t, page)
	for _, b := range blocks {
		switch {
		case b.language == "sh" && strings.HasPrefix(b.lines[0], "#!"):
			scripts = append(scripts, b)
		case b.language == "sh", b.language == "console":
			lines = append(lines, joined(b)...)
		default:
			require.Contains(t, languages, b.language, "%s: the language of the block", b.at(0))
			for i, line := range b.lines {
				require.NotRegexp(t, `^(\$ |sudo |(\./)?passport-agent |scripts/)`, line, "%s: a command in a block of %q, which nothing runs", b.at(i), b.language)
			}
		}
	}
	return lines, scripts
}

func joined(b block) []commandLine {
	var lines []commandLine
	goesOn := false
	for i, text := range b.lines {
		command := strings.TrimLeft(strings.TrimPrefix(text, "$ "), " ")
		switch {
		case strings.TrimSpace(text) == "" && b.language == "sh", strings.HasPrefix(strings.TrimSpace(text), "# "):
		case goesOn:
			lines[len(lines)-1].text += "\n" + command
		case b.language == "console" && !strings.HasPrefix(text, "$ "):
			lines[len(lines)-1].output = append(lines[len(lines)-1].output, text)
		default:
			lines = append(lines, commandLine{at: b.at(i), text: command})
		}
		goesOn = strings.HasSuffix(text, `\`)
	}
	return lines
}

func reasonNotToRun(line string) string {
	for _, n := range notRun {
		if regexp.MustCompile(n.pattern).MatchString(line) {
			return n.reason
		}
	}
	return ""
}

// Every command and flag of the program that a page names exists: in blocks of code,
// in scripts, and between backticks.
func TestCommandsInThePagesAreCommandsOfTheProgram(t *testing.T) {
	span := regexp.MustCompile("`(passport-agent [a-z][^`]*)`")
	for _, page := range pages(t) {
		lines, scripts := commandLines(t, page)
		for _, script := range scripts {
			text := strings.Join(script.lines, "\n")
			cmd := exec.Command("bash", "-n")
			cmd.Stdin = strings.NewReader(text)
			output, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s: %s", script.at(0), output)
			lines = append(lines, commandLine{at: script.at(0), text: text})
		}
		_, prose := codeBlocks(t, page)
		for _, m := range span.FindAllStringSubmatch(strings.Join(prose, "\n"), -1) {
			lines = append(lines, commandLine{at: page, text: strings.ReplaceAll(m[1], "\n", " ")})
		}
		for _, line := range lines {
			for _, args := range callsOf(line.text) {
				requireParses(t, line.at, args)
			}
		}
	}
}

var parsed = map[string]bool{}

// requireParses has the program parse arguments: it knows command and flags.
func requireParses(t *testing.T, at string, args []string) {
	t.Helper()
	all := strings.Join(args, " ")
	if parsed[all] {
		return
	}
	parsed[all] = true
	help, err := helpOf(t, args...)
	require.NoError(t, err, "%s: passport-agent %s: %s", at, all, help)
	usage := section(help, "Usage:")
	require.NotEmpty(t, usage)
	for _, c := range commands(t) {
		if strings.HasPrefix(all+" ", c.path+" ") && c.path != "" {
			require.Contains(t, usage[0], "passport-agent "+c.path, at)
			return
		}
	}
	require.True(t, len(args) == 0 || strings.HasPrefix(args[0], "-") || len(section(help, "Available Commands:")) > 0 && args[0] != "", "%s: passport-agent %s: no such command", at, all)
}

// callsOf returns the arguments of each call of the program in a line of shell.
func callsOf(line string) [][]string {
	var calls [][]string
	for _, part := range regexp.MustCompile(`\$\(|[\n)|;&]+`).Split(strings.ReplaceAll(line, "\\\n", " "), -1) {
		words := shellWords(part)
		for len(words) > 0 && words[0] != "passport-agent" && words[0] != "./passport-agent" {
			if !regexp.MustCompile(`^(sudo|-u|env|exec|[A-Z_]+=.*|[a-z-]+=.*|passport-agent|nobody|\$)$`).MatchString(words[0]) {
				words = nil
				break
			}
			words = words[1:]
		}
		for len(words) > 1 && words[1] == "passport-agent" { // sudo -u passport-agent passport-agent
			words = words[1:]
		}
		if len(words) > 0 {
			calls = append(calls, words[1:])
		}
	}
	return calls
}

// shellWords splits simple shell: quotes, comments, and redirections, which are left out.
func shellWords(text string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`(?:[^\s"']|"[^"]*"|'[^']*')+`).FindAllString(text, -1) {
		if strings.HasPrefix(m, "#") {
			break
		}
		words = append(words, strings.Trim(m, `"'`))
	}
	for i := 0; i < len(words); i++ {
		if strings.HasPrefix(words[i], "<") || strings.HasPrefix(words[i], ">") || strings.HasPrefix(words[i], "2>") {
			words = words[:i]
		}
	}
	return words
}

// Every command of the pages is run, page by page in the order in which they stand
// there, with a virtual passport behind a real pcscd, the sandbox and a home of its
// own; or it stands in notRun.
func TestCommandsInThePagesRun(t *testing.T) {
	pcscdtest.Require(t)
	for _, tool := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here, which the pages use", tool)
		}
	}
	zone := insert(t)
	seen := map[string]bool{}
	for _, page := range pages(t) {
		t.Run(page, func(t *testing.T) {
			lines, _ := commandLines(t, page)
			if len(lines) == 0 {
				return
			}
			s := newShell(t, zone)
			for _, text := range begins[page] {
				s.run(commandLine{at: page, text: text})
			}
			for _, line := range lines {
				if reason := reasonNotToRun(line.text); reason != "" {
					t.Logf("%s: %s: not run: %s", line.at, line.text, reason)
					for _, n := range notRun {
						if regexp.MustCompile(n.pattern).MatchString(line.text) {
							seen[n.pattern] = true
							break
						}
					}
					continue
				}
				s.run(line)
			}
		})
	}
	if !t.Failed() {
		for _, n := range notRun {
			require.True(t, seen[n.pattern], "no page has a command that needs %q in notRun", n.pattern)
		}
	}
}

// insert puts a specimen on the second reader, until the test ends, and returns its
// zone. The first is for `passport-agent virtual`, whose specimen has the same zone.
func insert(t *testing.T) string {
	t.Helper()
	document, err := virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	zone, err := document.MRZ()
	require.NoError(t, err)
	chip, err := virtual.NewChip(document, virtual.ChipOptions{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended, inserted := make(chan error, 1), make(chan struct{}, 16)
	go func() {
		ended <- virtual.Serve(ctx, virtual.VPCDOptions{Address: "127.0.0.1:35964"}, chip, func(e virtual.VPCDEvent) {
			if e == virtual.VPCDInserted {
				inserted <- struct{}{}
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	select {
	case <-inserted:
	case <-time.After(patience):
		require.FailNow(t, "the document does not get onto the reader")
	}
	require.Eventually(t, func() bool {
		readers, err := pcsc.Readers(context.Background())
		return err == nil && len(readers) == 2 && readers[1].Status == pcsc.ReaderDocument
	}, patience, 10*time.Millisecond)
	return zone
}

// shell is the shell of the person who follows a page.
type shell struct {
	t        *testing.T
	dir      string
	in       io.Writer
	answers  chan string
	rewrite  *strings.Replacer
	going    map[string]string // process group of what goes on, by command
	number   int
	hasLists bool
}

func newShell(t *testing.T, zone string) *shell {
	t.Helper()
	s := &shell{t: t, dir: t.TempDir(), answers: make(chan string, 64), going: map[string]string{}}
	url := startSandbox(t)
	require.NoError(t, os.Symlink(program(t), filepath.Join(s.dir, "passport-agent")))
	s.write("mrz.txt", []byte(zone+"\n"))
	s.write("secret", []byte(sandbox.DemoSecret+"\n"))
	for _, name := range []string{"page.jpg", "page-again.jpg"} {
		f, err := os.Create(filepath.Join(s.dir, name))
		require.NoError(t, err)
		require.NoError(t, jpeg.Encode(f, image.NewGray(image.Rect(0, 0, 640, 480)), nil))
		require.NoError(t, f.Close())
	}
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	s.write("organisation.key", fmt.Appendf(nil, "# public key: %s\n%s\n", identity.Recipient(), identity))
	s.lists()
	require.NoError(t, os.MkdirAll(filepath.Join(s.dir, "home", "stick"), 0o700))
	s.rewrite = strings.NewReplacer(
		"https://…", url, "API_KEY=…", "API_KEY="+sandbox.DemoAPIKey, "/etc/passport-agent/secret", filepath.Join(s.dir, "secret"),
		"SESSION", session, "/media/stick", filepath.Join(s.dir, "home", "stick"),
		"ITEM", `$(passport-agent queue list --json | jq -r '.items[0].id')`, "HEAD", `$(passport-agent queue audit --json | jq -r .head)`,
	)
	cmd := exec.Command("bash", "--norc", "--noprofile")
	cmd.Dir = s.dir
	cmd.Env = []string{
		"HOME=" + filepath.Join(s.dir, "home"), "PATH=" + s.dir + ":/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "PASSPORT_AGENT_SYSTEM_DROP_INS=",
		"PASSPORT_AGENT_API_URL=" + url, "PASSPORT_AGENT_API_KEY=" + sandbox.DemoAPIKey, "PASSPORT_AGENT_API_SECRET=" + sandbox.DemoSecret,
	}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	s.in = in
	out, answers, err := os.Pipe()
	require.NoError(t, err)
	cmd.ExtraFiles = []*os.File{answers}
	require.NoError(t, cmd.Start())
	require.NoError(t, answers.Close())
	go s.listen(out)
	t.Cleanup(func() {
		for what := range s.going {
			s.end(what)
		}
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
		require.NoError(t, out.Close())
	})
	return s
}

func startSandbox(t *testing.T) string {
	t.Helper()
	server := sandbox.New(sandbox.Options{AnySession: true})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-stopped)
	})
	return "http://" + listener.Addr().String()
}

// lists puts a master list and its root where the pages have theirs. They are other
// people's data; where they are absent the commands that import them are only parsed.
func (s *shell) lists() {
	folder := os.Getenv("PASSPORT_AGENT_SHARED_DATA")
	if folder == "" {
		folder = filepath.Join(icaotest.Root(), "..", "shared", "data")
	}
	for name, pattern := range map[string]string{"DE_ML.ml": "DE_ML_*.ml", "DE_CSCA.cer": "DE_ROOT_CA_*.cer"} {
		found, err := filepath.Glob(filepath.Join(folder, "master-lists", pattern))
		require.NoError(s.t, err)
		if len(found) == 0 {
			return
		}
		list, err := os.ReadFile(found[0])
		require.NoError(s.t, err)
		s.write(name, list)
	}
	s.hasLists = true
}

func (s *shell) write(name string, content []byte) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, name), content, 0o600))
}

func (s *shell) listen(from io.Reader) {
	defer close(s.answers)
	for {
		var line string
		if _, err := fmt.Fscanln(from, &line); err != nil {
			return
		}
		s.answers <- line
	}
}

// ask has the shell evaluate text, and returns the line that it answers with.
func (s *shell) ask(format string, args ...any) string {
	s.t.Helper()
	_, err := fmt.Fprintf(s.in, format+"\n", args...)
	require.NoError(s.t, err)
	select {
	case answer := <-s.answers:
		return answer
	case <-time.After(patience):
		require.FailNow(s.t, "a command does not end", fmt.Sprintf(format, args...))
		return ""
	}
}

// run runs a command as the person would, and waits until it has ended or, where it
// goes on, is ready.
func (s *shell) run(line commandLine) {
	s.t.Helper()
	if !s.hasLists && strings.Contains(line.text, "DE_ML.ml") {
		s.t.Logf("%s: %s: not run: the master lists of other people are not here", line.at, line.text)
		return
	}
	s.number++
	output := filepath.Join(s.dir, fmt.Sprintf("output-%d", s.number))
	text := s.rewrite.Replace(line.text)
	if elsewhere.MatchString(text) {
		text = "XDG_DATA_HOME=" + filepath.Join(s.dir, "elsewhere") + " PASSPORT_AGENT_QUEUE_RECIPIENT= " + text
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	eval := fmt.Sprintf(`eval "$(base64 -d <<<%s)" </dev/null >%s 2>&1`, encoded, output)
	if what := goesOn.FindStringSubmatch(line.text); what != nil && !strings.Contains(line.text, "--link") {
		s.end(what[2])
		// The shell outlives the signal that ends the group, so that waiting for it is
		// waiting for the program.
		s.going[what[2]] = s.ask("set -m; { trap : TERM; %s; } & echo $! >&3; set +m", eval)
		require.Eventually(s.t, func() bool {
			return regexp.MustCompile(`Ctrl-C|"listening"`).MatchString(contentOf(output))
		}, patience, 10*time.Millisecond, "%s: %s: it does not get ready: %s", line.at, line.text, contentOf(output))
		return
	}
	status := s.ask("%s; echo $? >&3", eval)
	want := "0"
	for _, e := range statuses {
		if regexp.MustCompile(e.pattern).MatchString(line.text) {
			want = fmt.Sprint(e.status)
		}
	}
	require.Equal(s.t, want, status, "%s: %s\n%s", line.at, line.text, contentOf(output))
	s.compare(line, contentOf(output))
}

// compare finds what the page shows of an output in the output, line by line; … stands
// for anything, also for lines.
func (s *shell) compare(line commandLine, output string) {
	s.t.Helper()
	rest := strings.Split(output, "\n")
	for _, shown := range line.output {
		if strings.TrimSpace(shown) == "…" {
			continue
		}
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(shown, " ")), "…", ".*") + " *$")
		for len(rest) > 0 && !pattern.MatchString(rest[0]) {
			rest = rest[1:]
		}
		require.NotEmpty(s.t, rest, "%s: %s shows %q, which is not, or not there, in what the program writes:\n%s", line.at, line.text, shown, output)
		rest = rest[1:]
	}
}

func contentOf(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// end ends what goes on, as the person does who starts it anew.
func (s *shell) end(what string) {
	s.t.Helper()
	group, ok := s.going[what]
	if !ok {
		return
	}
	delete(s.going, what)
	s.ask("kill -TERM -- -%s; wait %s; echo ended >&3", group, group)
}
