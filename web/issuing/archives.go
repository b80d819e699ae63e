package issuing

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/web"
)

// archivesView is what the API says of archives.
type archivesView struct {
	Running  bool                 `json:"running"`         // asked for, or being made
	Error    string               `json:"error,omitempty"` // why the last one failed
	Archives []issuer.ArchiveFile `json:"archives"`        // newest first
}

// postArchive has an archive made, as postBackup a backup.
func (s *server) postArchive(c echo.Context) error {
	if s.Archives == nil {
		return noArchives()
	}
	s.Archives.Ask(c.Request().Context())
	return s.answerArchives(c, http.StatusAccepted)
}

func (s *server) getArchives(c echo.Context) error {
	if s.Archives == nil {
		return noArchives()
	}
	return s.answerArchives(c, http.StatusOK)
}

func (s *server) answerArchives(c echo.Context, status int) error {
	running, made, failed := s.Archives.State()
	v := archivesView{Running: running, Archives: made}
	if failed != nil {
		v.Error = failed.Error()
	}
	return writeJSON(c, status, v)
}

func noArchives() error {
	return &web.Problem{Status: http.StatusConflict, Title: "No archives are configured", Detail: "backup.dir and backup.recipients in the configuration name their folder, and to whom they are encrypted"}
}
