package carafe

func (a *App) addStatic(site Site) {}
