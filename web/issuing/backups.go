package issuing

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/web"
)

// backupsView is what the API says of backups.
type backupsView struct {
	Running bool              `json:"running"`         // asked for, or being made
	Error   string            `json:"error,omitempty"` // why the last one failed
	Backups []issuer.Manifest `json:"backups"`         // newest first
}

// postBackup has a backup made in the configured folder, to the configured
// recipients: a client chooses neither. It takes longer than a request may, so
// the answer is that it is under way.
func (s *server) postBackup(c echo.Context) error {
	if s.Backups == nil {
		return noBackups()
	}
	s.Backups.Ask()
	return s.answerBackups(c, http.StatusAccepted)
}

func (s *server) getBackups(c echo.Context) error {
	if s.Backups == nil {
		return noBackups()
	}
	return s.answerBackups(c, http.StatusOK)
}

func (s *server) answerBackups(c echo.Context, status int) error {
	running, failed, made, err := s.Backups.State()
	if err != nil {
		return err
	}
	v := backupsView{Running: running, Backups: made}
	if failed != nil {
		v.Error = failed.Error()
	}
	return writeJSON(c, status, v)
}

func noBackups() error {
	return &web.Problem{Status: http.StatusConflict, Title: "No backups are configured", Detail: "backup.dir in the configuration names the folder for them"}
}
